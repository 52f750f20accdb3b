"""deploy/debian: what the package holds, what lintian thinks of it, and what it does to a system."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from paths import BINARY, DEPLOY, ROOT, said

HERE = pathlib.Path(__file__).parent
MAINTAINER = {"DEBFULLNAME": "Tollgate maintainers", "DEBEMAIL": "maintainers@tollgate.net"}
# Packing well takes a minute, and changes nothing of what is looked at.
QUICK = {"DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"}


def build(out, *arguments, **environment):
    command = [DEPLOY / "debian" / "build.sh", "--out", out, *arguments]
    return said(command, env={**os.environ, **MAINTAINER, **QUICK, **environment}).strip()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return build(tmp_path_factory.mktemp("package"), "--binary", BINARY)


@pytest.fixture(scope="module")
def files(package, tmp_path_factory):
    """What is in the package, unpacked."""
    folder = tmp_path_factory.mktemp("files")
    said(["dpkg-deb", "-R", package, folder])
    return folder


def field(package, name):
    return said(["dpkg-deb", "-f", package, name]).strip()


def test_lintian_has_nothing_against_it(package):
    as_root = ["--allow-root"] if os.geteuid() == 0 else []
    assert said(["lintian", "--fail-on", "error,warning", *as_root, package]) == ""


def test_it_says_the_programs_version_and_needs_only_debians_libraries(package):
    assert f"tollgate {field(package, 'Version')} " in said([BINARY, "version"])
    assert field(package, "Architecture") == said(["dpkg", "--print-architecture"]).strip()
    names = set(re.findall(r"(?:^|, )([a-z0-9.+-]+)", field(package, "Depends")))
    assert names == {"adduser", "init-system-helpers", "libc6", "libgcc-s1", "libsodium23", "libssl3", "libstdc++6"}


def test_it_is_the_same_however_often_it_is_built(package, tmp_path):
    with open(package, "rb") as first, open(build(tmp_path, "--binary", BINARY), "rb") as second:
        assert first.read() == second.read()


def test_it_is_another_one_at_another_time(package, tmp_path):
    shutil.copy(package, tmp_path / "first.deb")
    later = build(tmp_path, "--binary", BINARY, SOURCE_DATE_EPOCH="1700000000")
    assert said(["dpkg-deb", "-c", later]).split()[3] == "2023-11-14"


def test_a_program_that_needs_swift_is_not_packed(tmp_path):
    (tmp_path / "lib.c").write_text("int nothing(void) { return 0; }\n")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\nint nothing(void);\nint main(void) { puts("tollgate 1.0 (x)"); return nothing(); }\n'
    )
    library, program = tmp_path / "libswiftCore.so", tmp_path / "tollgate"
    said(["cc", "-shared", "-o", library, tmp_path / "lib.c"])
    said(["cc", "-o", program, tmp_path / "main.c", library, f"-Wl,-rpath,{tmp_path}"])
    done = subprocess.run(
        [DEPLOY / "debian" / "build.sh", "--binary", program, "--out", tmp_path], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "link it with --static-swift-stdlib" in done.stderr
    assert not list(tmp_path.glob("*.deb"))


def test_the_manual_names_every_command(files):
    help = said([BINARY, "--help"])
    commands = re.findall(r"^  ([a-z-]+)  +\S", help.split("SUBCOMMANDS:", 1)[1], re.MULTILINE)
    page = (DEPLOY / "debian" / "tollgate.1").read_text()
    named = re.findall(r"^\.TP\n\.B ([a-z\\-]+)$", page.split(".SH COMMANDS", 1)[1].split(".SH SIGNALS", 1)[0], re.MULTILINE)
    assert "serve" in commands
    assert sorted(name.replace("\\-", "-") for name in named) == sorted(commands)


def test_every_path_that_its_files_name_is_in_it(files):
    texts = [files / "etc/tollgate/tollgate.yaml", DEPLOY / "debian" / "tollgate.1", files / "usr/lib/systemd/system/tollgate.service"]
    named = {path.rstrip(".") for text in texts for path in re.findall(r"/usr/(?:share|bin)[\w./-]*", text.read_text())}
    assert named
    for path in named:
        assert (files / path[1:]).exists(), path


def test_the_licences_of_all_that_is_linked_are_named():
    text = " ".join((DEPLOY / "debian" / "copyright").read_text().lower().split())
    resolved = (ROOT / "Package.resolved").read_text()
    for name in re.findall(r'"identity" : "([\w-]+)"', resolved):
        assert name.replace("-", " ") in text, name


@pytest.fixture(scope="module")
def next_version(package, tmp_path_factory):
    """A package that is newer, with another unit in it."""
    folder = tmp_path_factory.mktemp("next")
    said(["dpkg-deb", "-R", package, folder / "files"])
    control = folder / "files" / "DEBIAN" / "control"
    version = field(package, "Version")
    control.write_text(control.read_text().replace(f"Version: {version}\n", f"Version: {version}+next\n"))
    with open(folder / "files/usr/lib/systemd/system/tollgate.service", "a", encoding="utf-8") as unit:
        unit.write("# The next version.\n")
    said(["dpkg-deb", "--root-owner-group", "-Znone", "-b", folder / "files", folder / "second.deb"])
    return folder / "second.deb"


@pytest.fixture
def shared(as_root, package, next_version, tmp_path):
    """A folder with both, and with the scripts that are run inside."""
    shutil.copy(package, tmp_path / "first.deb")
    shutil.copy(next_version, tmp_path / "second.deb")
    for script in HERE.glob("life_of_*.sh"):
        shutil.copy(script, tmp_path)
    return tmp_path


def test_installing_upgrading_removing_and_purging(shared):
    script = ["bash", shared / "life_of_a_package.sh", shared, shared / "first.deb", shared / "second.deb"]
    output = said([HERE / "overlay.sh", shared, *script])
    assert output.rstrip().endswith("== done"), output


def test_the_service_under_systemd(shared):
    # systemd ends by a signal where it has powered a container off; the script's last words tell how it went.
    done = subprocess.run(
        [HERE / "boot.sh", shared, "life_of_a_service.sh"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=400,
    )  # fmt: skip
    output = (shared / "output").read_text() if (shared / "output").exists() else done.stdout.decode()
    assert output.rstrip().endswith("== done"), output
