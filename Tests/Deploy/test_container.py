"""deploy/container: what hadolint thinks of the file, and what the image holds that its steps make (see images.py)."""

import json
import pathlib
import subprocess
import sys

from images import FILE, first_stage
from paths import BINARY, ROOT, said


def test_hadolint_has_nothing_against_it():
    assert said([pathlib.Path(sys.prefix) / "bin" / "hadolint", "--failure-threshold", "style", FILE]) == ""


def test_it_is_built_by_the_swift_that_the_package_asks_for():
    asked = (ROOT / "Package.swift").read_text().splitlines()[0].removeprefix("// swift-tools-version: ")
    assert f"/swift:{asked}-" in first_stage()


def test_the_image_says_how_it_is_run(store, image):
    config = json.loads(store("inspect", "--type", "image", image))["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/tollgate"]
    assert config["Cmd"] == ["serve"]
    assert set(config["ExposedPorts"]) == {"8080/tcp", "7400/tcp", "9464/tcp"}
    assert set(config["Volumes"]) == {"/var/lib/tollgate"}
    assert config["StopSignal"] == "SIGTERM"


def test_the_image_holds_the_program_and_its_libraries_alone(files):
    found = {"/" + str(path.relative_to(files)) for path in files.rglob("*") if not path.is_dir()}
    # Their folder has the architecture's name.
    libraries = {path.rsplit("/", 1)[1] for path in found if path.startswith("/lib")}
    assert {name for name in libraries if not name.startswith("ld-linux")} == {
        "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "libcrypto.so.3", "libsodium.so.23",
    }  # fmt: skip
    others = {path for path in found if not path.startswith(("/lib", "/usr/share/doc/"))}
    assert others == {"/usr/bin/tollgate", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"}
    assert not [path for path in files.rglob("*") if path.is_file() and path.stat().st_mode & 0o6000]


def test_what_is_not_roots_is_the_nodes_state(files):
    owned = {str(path.relative_to(files)) for path in files.rglob("*") if path.lstat().st_uid != 0}
    assert owned == {"var/lib/tollgate", "run/tollgate"}
    assert (files / "var/lib/tollgate").stat().st_mode & 0o777 == 0o700


def test_the_program_runs_in_it_and_there_is_no_shell(store, container):
    run = [*map(str, store.command), "run", "--isolation", "chroot", container, "--"]
    assert said([*run, "/usr/bin/tollgate", "version"]) == said([BINARY, "version"])
    for shell in ("/bin/sh", "/usr/bin/sh", "/bin/bash"):
        done = subprocess.run([*run, shell, "-c", "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert "no such file or directory" in done.stderr


def test_a_node_serves_in_it(store, container, files, start):
    # Of its own accord it looks for names, makes its socket, and writes nowhere else.
    (files / "etc/tollgate/tollgate.yaml").write_text(
        """
        listeners: [{ address: "127.0.0.1:0" }]
        probes: { address: "127.0.0.1:0" }
        admin: { address: "unix:/run/tollgate/admin.sock" }
        upstream: "http://localhost:9"
        """
    )
    node = start([*map(str, store.command), "run", "--isolation", "chroot", container, "--", "/usr/bin/tollgate", "serve"])
    node.address("probes")
    assert (files / "run/tollgate/admin.sock").stat().st_uid == 65_532
    # buildah hands no signal on: the node itself gets it.
    node.stop_child("/usr/bin/tollgate serve")
