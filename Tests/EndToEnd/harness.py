"""Starts the program under test and stops it again: what every end-to-end test stands on.

    from harness import TestCase, parallel

    class Something(TestCase):
        def test_it(self):
            upstream = self.start_upstream()                        # see upstream.py
            gateway = self.start_gateway(f'''
                upstreams: {{ app: {{ servers: ["{upstream.authority}"] }} }}
                ...
            ''')                                                    # dedented; a listener on a free port is added if none is named
            with self.connect(gateway) as client:                   # see client.py
                self.assertEqual(client.get("/").status, 200)

`Gateway` has: `.address` (host, port) of the first listener and `.addresses` of all; `.probes`; `.url`; `.lines` (what it has logged,
parsed); `.output` (lines of standard output, where the access log goes unless the configuration says otherwise); `.accessed(id)` (waits
for a request's line of the access log, parsed); `.admin`; `.pid`; `.is_running()`; `.rss_bytes()`; `.cpu_seconds()`; `.write_config(text)`; `.reload()` (SIGHUP); `.wait_for(predicate)` (a log
line, past or future); `.terminate()` (SIGTERM, without waiting), `.wait_exit()`, `.stop()` (SIGTERM, then SIGKILL) and `.restart()`.

`TestCase` adds: `start_gateway`, `start_upstream`, `connect`, `random` (a generator from the printed seed) and the check, after each
test, that no gateway has died on its own. `parallel(count, function, workers)` calls `function(index)` from threads that begin together.

TOLLGATE_BINARY names the program; TOLLGATE_SEED repeats a run's random choices. Nothing here sleeps: it waits for lines, bytes and ends of
processes, each with a bound that only keeps a fault from hanging the run.
"""

import atexit
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

from client import Client
from upstream import Upstream

BINARY = os.environ.get("TOLLGATE_BINARY", "tollgate")
SEED = int(os.environ.get("TOLLGATE_SEED") or random.SystemRandom().randrange(2**32))
# Bounds that a sound run never comes near, seconds.
START_TIMEOUT = 60
STOP_TIMEOUT = 20
LINES_MAX = 20_000

# Where the program keeps its state if its configuration says nothing: each test begins without any.
STATE = tempfile.mkdtemp(prefix="tollgate-test-")
os.environ["STATE_DIRECTORY"] = os.path.join(STATE, "data")
atexit.register(shutil.rmtree, STATE, ignore_errors=True)

print(f"seed {SEED} (repeat with TOLLGATE_SEED={SEED})", file=sys.stderr, flush=True)

_running = set()


def _stop_all():
    for gateway in list(_running):
        gateway.stop()


atexit.register(_stop_all)
# So that whoever ends the test run ends the gateways too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class StartError(Exception):
    """The program ended, or said nothing, instead of listening."""


class Gateway:
    """One `tollgate serve` process with a configuration file of its own."""

    def __init__(self, config=None, arguments=None, environment=None, user=None):
        """`config`: YAML text, or None with `arguments` for the command line in place of `serve --config FILE`. `user`: the number
        of a user to run as, where the tests run as root."""
        self.user = user
        #: Words before the program's own that lead to it.
        self.prefix = []
        self.binary = BINARY
        self.folder = tempfile.mkdtemp(prefix="tollgate-test-")
        self.config_path = os.path.join(self.folder, "tollgate.yaml")
        self.data = os.path.join(self.folder, "data")
        self.has_own_data = arguments is None
        self.environment = {**os.environ, **(environment or {})}
        self.listeners_expected = 1
        self.probes_expected = False
        self.admin_expected = False
        if config is not None:
            self.write_config(config)
        self.arguments = arguments or ["serve", "--config", self.config_path]
        self.process = None

    def write_config(self, text):
        """Writes the configuration; a listener on a free loopback port is added where it names none."""
        text = textwrap.dedent(text)
        if not re.search(r"^listeners:", text, re.MULTILINE):
            text = 'listeners: [{ address: "127.0.0.1:0" }]\n' + text
        if self.has_own_data:
            text = self._with_data(text)
        self.listeners_expected = self._count_listeners(text)
        self.probes_expected = re.search(r"^probes:", text, re.MULTILINE) is not None
        self.admin_expected = re.search(r"^admin:", text, re.MULTILINE) is not None
        # In one step, as the program watches the file.
        with open(self.config_path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.config_path + ".new", self.config_path)

    def _with_data(self, text):
        """The configuration with a data folder of this gateway's own, where it names none."""
        data = f'data: "{self.data}"'
        if not re.search(r"^node:", text, re.MULTILINE):
            return f"node: {{ {data} }}\n" + text
        if re.search(r"^node:.*\bdata:|^node:\n(?:[ \t].*\n)*[ \t]+data:", text, re.MULTILINE):
            return text
        return re.sub(r"^node:\s*\{", f"node: {{ {data},", text, count=1, flags=re.MULTILINE)

    @staticmethod
    def _count_listeners(text):
        block = re.search(r"^listeners:(.*(?:\n[ \t]+.*|\n- .*)*)", text, re.MULTILINE)
        return max(1, len(re.findall(r"\baddress:", block.group(1))) if block else 1)

    def _give_to_user(self):
        """A user without rights must be able to read the program and its configuration."""
        self.binary = os.path.join(self.folder, "tollgate")
        if not os.path.exists(self.binary):
            shutil.copy(shutil.which(BINARY) or BINARY, self.binary)
        os.chmod(self.binary, 0o755)
        os.chmod(self.folder, 0o755)
        if not os.path.exists(self.data):
            os.mkdir(self.data, 0o700)
            os.chown(self.data, self.user, self.user)
        return {"user": self.user, "group": self.user, "extra_groups": []}

    def launch(self):
        """Starts the process, without waiting for anything that it says."""
        as_user = {} if self.user is None else self._give_to_user()
        self.lines = collections.deque(maxlen=LINES_MAX)
        self.output = collections.deque(maxlen=LINES_MAX)
        self._changed = threading.Condition()
        self._eof = False
        self.process = subprocess.Popen(
            [*self.prefix, self.binary, *self.arguments],
            **as_user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            cwd=self.folder,
        )
        _running.add(self)
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stderr, self.lines, True), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stdout, self.output, False), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        return self

    def start(self):
        self.launch()
        self.wait_for(lambda _: self._is_listening(), START_TIMEOUT)
        self.addresses = [self._host_port(line["address"]) for line in self._logged("listening")]
        probes = self._logged("probes")
        self.probes = self._host_port(probes[0]["address"]) if probes else None
        admin = self._logged("admin")
        self.admin = self._host_port(admin[0]["address"]) if admin else None
        return self

    def _is_listening(self):
        listening = len(self._logged("listening")) >= self.listeners_expected
        probes = not self.probes_expected or bool(self._logged("probes"))
        return listening and probes and (not self.admin_expected or bool(self._logged("admin")))

    def _read(self, stream, lines, is_log):
        for raw in stream:
            text = raw.decode("utf-8", "replace").rstrip("\n")
            with self._changed:
                lines.append(self._parsed(text) if is_log else text)
                self._changed.notify_all()
        with self._changed:
            if is_log:
                self._eof = True
            self._changed.notify_all()
        stream.close()

    @staticmethod
    def _parsed(text):
        """A log line as a dictionary; what is not JSON stands under `message`, with a listening address where it has one."""
        try:
            line = json.loads(text)
            return line if isinstance(line, dict) else {"message": text}
        except ValueError:
            match = re.search(r"\b(listening|probes|admin)\b.*?address=\"([^\"]+)\"", text)
            return {"message": match.group(1), "address": match.group(2)} if match else {"message": text}

    def _logged(self, message):
        return [line for line in self.lines if line.get("message") == message]

    @staticmethod
    def _host_port(address):
        if address.startswith("unix:"):
            return address
        host, port = address.rsplit(":", 1)
        return host.strip("[]"), int(port)

    def wait_for(self, predicate, timeout=STOP_TIMEOUT):
        """Waits until `predicate(lines)` holds; raises StartError when the program ends or says nothing before."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not predicate(list(self.lines)):
                left = deadline - time.monotonic()
                if self._eof or left <= 0:
                    raise StartError("no such line:\n" + "\n".join(str(line) for line in self.lines))
                self._changed.wait(left)

    def accessed(self, request_id, timeout=STOP_TIMEOUT):
        """The line of the access log that tells of this request, as a dictionary; the log is on standard output, as JSON."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for text in list(self.output):
                    if request_id in text and (line := json.loads(text)).get("request_id") == request_id:
                        return line
                left = deadline - time.monotonic()
                if self._eof or left <= 0:
                    raise StartError(f"no line of {request_id}:\n" + "\n".join(list(self.output)[-20:]))
                self._changed.wait(left)

    @property
    def address(self):
        return self.addresses[0]

    @property
    def url(self):
        return "http://%s:%d" % self.address

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        """User CPU time so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            return int(file.read().rsplit(")", 1)[1].split()[11]) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        """How many file descriptors it holds."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def reload(self):
        """SIGHUP; wait for its effect with `wait_for`."""
        self.process.send_signal(signal.SIGHUP)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_exit(self, timeout=STOP_TIMEOUT):
        return self.process.wait(timeout)

    def stop(self, keep_folder=False):
        """Ends the process, whatever it does; returns its exit code, None if it never ran."""
        _running.discard(self)
        code = None
        if self.process is not None:
            if self.process.poll() is None:
                # It finishes what runs first; a test that has left something running does not wait for that.
                self.process.terminate()
                try:
                    self.process.wait(0.5)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
            code = self.process.returncode
            for reader in self._readers:
                reader.join(STOP_TIMEOUT)
        if not keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        return code

    def restart(self):
        self.stop(keep_folder=True)
        return self.start()

    def crash(self):
        """SIGKILL, and a start on what was on the disk then."""
        self.process.kill()
        self.process.wait()
        self.stop(keep_folder=True)
        return self.start()


class TestCase(unittest.TestCase):
    """A test with gateways and upstreams that are gone when it ends."""

    # What a failing comparison shows of long values.
    maxDiff = 2_000

    def setUp(self):
        shutil.rmtree(os.environ["STATE_DIRECTORY"], ignore_errors=True)
        self.random = random.Random(f"{SEED} {self.id()}")
        self._gateways = []
        self.addCleanup(self._check_gateways)

    def start_gateway(self, config=None, **options):
        gateway = Gateway(config, **options)
        self.addCleanup(gateway.stop)
        gateway.start()
        gateway.expected_to_run = True
        self._gateways.append(gateway)
        return gateway

    def start_upstream(self, handler=None, **options):
        upstream = Upstream(handler, **options).start()
        self.addCleanup(upstream.stop)
        return upstream

    def connect(self, gateway, source=None, timeout=30):
        """A keep-alive client; `source` is the loopback address it comes from."""
        client = Client(gateway.address, source=source, timeout=timeout)
        self.addCleanup(client.close)
        return client

    def _check_gateways(self):
        # Cleanups run last to first: by now every gateway has been stopped, and none may have ended in another way.
        for gateway in self._gateways:
            if gateway.expected_to_run and gateway.process is not None:
                self.assertIn(
                    gateway.process.returncode,
                    (0, -signal.SIGTERM, -signal.SIGKILL),
                    "the program ended on its own:\n" + "\n".join(str(line) for line in list(gateway.lines)[-20:]),
                )


def parallel(count, function, workers=None):
    """`[function(0), …, function(count - 1)]`, called from `workers` threads (one each by default) that begin together.

    The first exception of any call is raised here.
    """
    workers = min(workers or count, count)
    results = [None] * count
    errors = []
    indexes = iter(range(count))
    lock = threading.Lock()
    barrier = threading.Barrier(workers)

    def work():
        try:
            barrier.wait()
            while not errors:
                with lock:
                    index = next(indexes, None)
                if index is None:
                    return
                results[index] = function(index)
        except BaseException as error:  # handed on below
            errors.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
