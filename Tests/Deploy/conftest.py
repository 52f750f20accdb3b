"""What the tests of deploy/ share: where things are, and a node that runs."""

import json
import os
import queue
import shutil
import signal
import subprocess
import threading

import pytest
from images import container, files, image, store  # noqa: F401
from paths import BINARY

#: Seconds. Only what hangs reaches it.
TIMEOUT = 120


def pytest_sessionstart(session):
    if not os.path.exists(BINARY):
        pytest.exit("TOLLGATE_BINARY names no program, and there is no tollgate in PATH", 4)


class Node:
    """`tollgate serve`, however it is started. Ends with SIGTERM, and must end with 0."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options
        )
        self._lines = queue.Queue()
        self._seen = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self._lines.put(line.decode("utf-8", "replace"))
        self._lines.put(None)

    def address(self, message):
        """Where it listens, as the log line of this message says, once it does."""
        while True:
            for line in self._seen:
                if line.startswith("{") and (fields := json.loads(line)).get("message") == message:
                    return fields["address"]
            line = self._lines.get(timeout=TIMEOUT)
            assert line is not None, "it has ended:\n" + "".join(self._seen)
            self._seen.append(line)

    def stop(self):
        self.process.terminate()
        code = self.process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        while not self._lines.empty():
            self._seen.append(self._lines.get() or "")
        assert code == 0, "".join(self._seen)

    def stop_child(self, command):
        """The same where the node is a child of what was started, which has no child of its own but that."""
        listing = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True, timeout=60)
        processes = [line.split(None, 2) for line in listing.stdout.splitlines()]
        family = {str(self.process.pid)}
        while True:
            children = {pid for pid, parent, *_ in processes if parent in family}
            if children <= family:
                break
            family |= children
        (pid,) = [pid for pid, _, *args in processes if pid in family and args == [command]]
        os.kill(int(pid), signal.SIGTERM)
        assert self.process.wait(TIMEOUT) == 0

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def start():
    """Starts nodes, which are gone when the test ends."""
    nodes = []

    def start(command, **options):
        nodes.append(Node(command, **options))
        return nodes[-1]

    yield start
    for node in nodes:
        node.kill()


@pytest.fixture(scope="session")
def as_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture
def public_folder(tmp_path_factory):
    """A folder that every user may enter."""
    folder = tmp_path_factory.mktemp("public")
    for each in (folder, *folder.parents[:2]):
        os.chmod(each, 0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
