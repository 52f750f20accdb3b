"""deploy/systemd/tollgate.service: what systemd thinks of it, and that the program can live under it."""

import errno
import os
import re
import resource
import shutil
import urllib.request

import pyseccomp
import yaml
from paths import BINARY, DEPLOY, GUIDE, said
from unit import Unit

PATH = DEPLOY / "systemd" / "tollgate.service"
UNIT = Unit(PATH)
#: Any user without rights. What Debian calls nobody.
NOBODY = 65_534


def test_systemd_understands_it(tmp_path):
    # A folder that stands for the system's root would need systemd's own units: the program's path is replaced instead.
    copy = tmp_path / PATH.name
    copy.write_text(PATH.read_text().replace("/usr/bin/tollgate", BINARY))
    assert said(["systemd-analyze", "verify", "--man=no", copy]) == ""


def test_its_exposure_is_small():
    listing = said(["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", PATH])
    assert float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", listing).group(1)) <= 2.0


def test_its_paths_are_those_of_the_program_and_of_the_package():
    sample = yaml.safe_load((DEPLOY / "debian" / "tollgate.yaml").read_text())
    command = UNIT.one("Service", "ExecStart").split()
    assert command == ["/usr/bin/tollgate", "serve", "--config", "/etc/tollgate/tollgate.yaml"]
    assert UNIT.one("Service", "ConfigurationDirectory") == "tollgate"
    assert UNIT.one("Service", "RuntimeDirectory") == "tollgate"
    assert sample["admin"]["address"] == "unix:/run/tollgate/admin.sock"
    assert UNIT.one("Service", "StateDirectory") == "tollgate"
    assert UNIT.one("Service", "StateDirectoryMode") == "0700"
    # The sample leaves it at its default.
    assert "node" not in sample
    assert "`/var/lib/tollgate`" in (GUIDE / "Configuration.md").read_text()


def test_it_is_given_longer_to_stop_than_it_takes():
    default = re.search(r"\| `shutdownDeadline` \|[^|]*\| `(\d+)s` \|", (GUIDE / "Configuration.md").read_text())
    assert UNIT.seconds("Service", "TimeoutStopSec") > int(default.group(1))
    assert UNIT.one("Service", "KillSignal") == "SIGTERM"
    assert UNIT.one("Service", "Restart") == "always"
    assert UNIT.one("Unit", "StartLimitIntervalSec") == "0"


def test_a_reload_fails_where_the_file_has_an_error():
    check, signal = UNIT.all("Service", "ExecReload")
    assert signal == "/bin/kill -HUP $MAINPID"
    assert check.split() == ["/usr/bin/tollgate", "validate", "--config", "/etc/tollgate/tollgate.yaml"]


def confine(calls):
    """Takes what the unit takes from the service; runs in the child, before the program."""

    def confine():
        files = min(int(UNIT.one("Service", "LimitNOFILE")), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        os.umask(int(UNIT.one("Service", "UMask"), 8))
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        filter = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
        for call in calls:
            filter.add_rule(pyseccomp.ALLOW, call)
        filter.load()

    return confine


def known(call):
    """Whether this machine has the call: systemd's groups name those of all architectures and of newer kernels."""
    return pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, call) >= 0


def test_the_program_serves_with_the_system_calls_that_it_is_left(start, public_folder):
    calls = sorted(filter(known, UNIT.system_calls()))
    assert "execve" in calls
    assert "mount" not in calls
    state, run, program = (public_folder / name for name in ("state", "run", "tollgate"))
    for folder in (state, run):
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
    shutil.copy(BINARY, program)
    configuration = public_folder / "tollgate.yaml"
    configuration.write_text(
        f"""
        node: {{ name: a, data: {state}/data }}
        listeners: [{{ address: "127.0.0.1:0" }}, {{ address: "unix:{run}/check.sock", check: nginx }}]
        probes: {{ address: "127.0.0.1:0" }}
        admin: {{ address: "unix:{run}/admin.sock" }}
        upstream: "http://localhost:9"
        """
    )
    node = start([program, "serve", "--config", configuration], preexec_fn=confine(calls))
    node.address("listening")
    probes = node.address("probes")
    with urllib.request.urlopen(f"http://{probes}/metrics", timeout=60) as answer:
        assert b"tollgate_build_info" in answer.read()
    assert os.stat(run / "admin.sock").st_mode & 0o777 == 0o600
    # A proxy in the group may connect.
    assert os.stat(run / "check.sock").st_mode & 0o777 == 0o770
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        assert re.search(r"^Seccomp:\s2$", status.read(), re.MULTILINE)
    node.stop()
