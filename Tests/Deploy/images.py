"""The image of deploy/container/Containerfile, as its steps make it.

buildah carries the steps out. One is another: `swift build` hands out the program that was built before (swift_in_place.sh). The image
that the first stage begins with cannot be expected to be there; in its place is one that sees this system's files, which are
Debian's, each step with a layer over them that is thrown away.
"""

import os
import pathlib
import shutil

import pytest
from paths import BINARY, DEPLOY, ROOT, said

FILE = DEPLOY / "container" / "Containerfile"
HERE = pathlib.Path(__file__).parent
NAME = "localhost/tollgate-under-test"


class Store:
    """A place for images that is gone after the tests."""

    def __init__(self, folder):
        self.command = ["buildah", "--storage-driver", "vfs", "--root", folder / "root", "--runroot", folder / "run"]

    def __call__(self, *arguments, **options):
        return said([*self.command, *arguments], **options)


@pytest.fixture(scope="session")
def store(as_root, tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


def first_stage():
    """The image that the build begins with."""
    return next(line.split()[1] for line in FILE.read_text().splitlines() if line.startswith("FROM "))


@pytest.fixture(scope="session")
def image(store, tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    for name in ("built", "tmp"):
        (base / "root" / name).mkdir(parents=True)
    os.chmod(base / "root" / "tmp", 0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        (base / "root" / name).symlink_to(f"usr/{name}")
    shutil.copy(BINARY, base / "root" / "built" / "tollgate")
    shutil.copy(HERE / "swift_in_place.sh", base / "root" / "built" / "swift")
    (base / "Containerfile").write_text(
        "FROM scratch\nCOPY root /\nENV PATH=/built:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    )
    store("bud", "--quiet", "--tag", first_stage(), base)
    system = [f"--volume=/{name}:/{name}:O" for name in ("usr", "etc", "var")]
    store("bud", "--isolation", "chroot", "--pull-never", *system, "--tag", NAME, "--file", FILE, ROOT)
    return NAME


@pytest.fixture(scope="session")
def container(store, image):
    return store("from", "--pull-never", image).strip()


@pytest.fixture(scope="session")
def files(store, container):
    return pathlib.Path(store("mount", container).strip())
