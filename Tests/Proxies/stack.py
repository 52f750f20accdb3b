"""A proxy with what stands behind it: Tollgate, which it asks, and a site. Everything on free ports of loopback."""

import itertools
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import time

# The strict client and the puzzle of the end-to-end tests.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))

import protocol  # noqa: E402
from client import Client  # noqa: E402
from proxies import DEPLOY, Ports, Proxy, substitute  # noqa: E402
from recording_site import RecordingSite  # noqa: E402
from relay import Relay  # noqa: E402

# Absolute, for programs run in folders of their own.
BINARY = os.path.abspath(shutil.which(os.environ.get("TOLLGATE_BINARY", "tollgate")) or "tollgate")
# Bounds that a sound run never comes near, seconds.
START_TIMEOUT = 60
STOP_TIMEOUT = 10
PAUSE = 0.02

# What takes the place of routes and policies in the shipped tollgate.yaml: cheap, and one route a verdict.
POLICIES = """routes:
  - { name: inner, match: { host: inner.example }, allow: true }
  - { name: open, match: { path: "/open/*" }, allow: true }
  - { name: banned, match: { path: "/banned/*" }, deny: true }
  - { name: paid, match: { path: "/paid/*" }, policy: paid }
  - { name: counted, match: { path: "/counted/*" }, policy: counted }
policies:
  paid:
    preset: api
    free: { rate: 0 }
    work: { difficulty: 256, rounds: 2, grants: 10 }
    ceiling: { rate: 1000/min, burst: 1000 }
    cors: { origins: ["https://app.example"] }
  counted:
    preset: api
    free: { rate: 1/day, burst: 3 }
    work: { difficulty: 256, rounds: 2, grants: 10 }
    ceiling: { rate: 1/day, burst: 8 }
"""

_ports = set()
_clients = itertools.count(1)


def free_port() -> int:
    """A port that no outgoing connection takes in the meantime: below the range of the ephemeral ones."""
    while True:
        port = random.randrange(20_000, 32_000)
        if port in _ports:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _ports.add(port)
        return port


class Process:
    """A program that writes its log into a file, and is stopped by its process id."""

    def __init__(self, command: list[str], folder: pathlib.Path, name: str):
        self.log_path = folder / f"{name}.log"
        # Caddy keeps things in these; nothing is to be left in the home folder.
        environment = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-4_000:]

    def wait_until(self, is_ready):
        """Asks until the answer is yes."""
        deadline = time.monotonic() + START_TIMEOUT
        while not is_ready():
            assert self.process.poll() is None, f"ended by itself:\n{self.log()}"
            assert time.monotonic() < deadline, f"not ready:\n{self.log()}"
            time.sleep(PAUSE)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Stack:
    def __init__(self, proxy: Proxy, folder: pathlib.Path, fail_open=False):
        self.proxy, self.folder = proxy, folder
        self.site = RecordingSite()
        self.relay = self.tollgate = self.front = None
        question, tollgate = free_port(), free_port()
        self.ports = Ports(free_port(), question, free_port(), self.site.server_port, tollgate, free_port())
        try:
            self.relay = Relay(question, tollgate)
            self.write_tollgate()
            self.start_tollgate()
            self.front = Process(proxy.prepare(folder, self.ports, fail_open), folder, "proxy")
            self.front.wait_until(lambda: self.status("/open/ready") == 200)
        except BaseException:
            self.stop()
            raise

    def write_tollgate(self):
        """The shipped tollgate.yaml with other addresses, routes and policies."""
        text = (DEPLOY / self.proxy.folder / "tollgate.yaml").read_text()
        head = text[: re.search(r"^routes:", text, re.MULTILINE).start()]
        values = {
            "127.0.0.1:8081": f"127.0.0.1:{self.ports.tollgate}",
            "127.0.0.1:9464": f"127.0.0.1:{self.ports.probes}",
            "/var/lib/tollgate": str(self.folder / "data"),
        }
        (self.folder / "tollgate.yaml").write_text(substitute(head, values) + POLICIES)

    def start_tollgate(self):
        command = [BINARY, "serve", "--config", str(self.folder / "tollgate.yaml")]
        self.tollgate = Process(command, self.folder, "tollgate")
        self.tollgate.wait_until(lambda: self.ask(self.ports.probes, "/readyz") == 200)

    @staticmethod
    def ask(port: int, path: str) -> int | None:
        try:
            with Client(("127.0.0.1", port)) as client:
                return client.get(path).status
        except OSError:
            return None

    def status(self, path: str) -> int | None:
        return self.ask(self.ports.front, path)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports.front}"

    def client(self, address: str | None = None) -> Client:
        """A client that nobody has met before, or the one at this address."""
        return Client(("127.0.0.1", self.ports.front), source=address or new_address())

    def passes(self, client: Client, policy="paid") -> str:
        """Solves a challenge by the endpoints; the pass."""
        challenge = client.get(f"{protocol.CHALLENGE}?policy={policy}").json()
        answer = protocol.redeem(client, challenge, protocol.solve(challenge))
        assert answer.status == 200, answer
        return answer.json()["pass"]

    def stop(self):
        for each in (self.front, self.tollgate, self.relay, self.site):
            if each is not None:
                each.stop()


def new_address() -> str:
    number = next(_clients)
    return f"127.{10 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"
