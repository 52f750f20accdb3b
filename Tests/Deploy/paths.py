"""Where things are."""

import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
GUIDE = ROOT / "Sources" / "tollgate" / "tollgate.docc"
BINARY = os.path.abspath(os.environ.get("TOLLGATE_BINARY") or shutil.which("tollgate") or "tollgate")


def said(command, **options):
    """What a command prints; it must succeed."""
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout
