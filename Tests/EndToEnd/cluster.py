"""A cluster of real processes.

    cluster = Cluster(network, ["a", "b", "c"], SETTINGS)      # tests use ClusterCase.start_cluster(), which also ends it
    for node in cluster: node.launch()
    cluster.wait_ready()                                       # every one has a majority to decide with
    cluster.leader().kill(); cluster["a"].pause(); …

Each node has a folder of its own, a place in the network and certificates of one authority. A `Node` is a `Gateway` of harness.py, with:
`.status()`, what `GET /v1/cluster` says; `.is_ready()`; `.kill()` (SIGKILL), `.pause()`, `.resume()`; `.ask(method, path, value)` for the
admin interface. `wait_until` looks again and again, at most for as long as it is told, and shows what the nodes have logged if it was in
vain.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import time

from client import Client, Closed, Violation
from harness import BINARY, Gateway

#: Bound of a wait that a sound run never comes near, seconds.
PATIENCE = 45
LOOK_AGAIN = 0.03
#: For an answer of a node that may hang.
PROBE_TIMEOUT = 3


class Vain(Exception):
    """What was waited for has not come."""


def make_certificates(folder, names, *arguments):
    subprocess.run(
        [BINARY, "certificates", "create", "--nodes", ",".join(names), "--out", folder, *arguments],
        check=True,
        capture_output=True,
        timeout=60,
    )


class Node(Gateway):
    def __init__(self, network, name, settings, seeds, certificates, environment=None):
        """`settings`: YAML of upstreams, routes and policies. `seeds`: names. `certificates`: the folder where its own are."""
        super().__init__(environment=environment)
        self.network = network
        self.name = name
        self.place = network.place(name)
        self.settings = textwrap.dedent(settings)
        self.seeds = seeds
        self.certificates = certificates
        self.data = os.path.join(self.folder, "data")
        self.admin = "unix:" + os.path.join(self.folder, "admin.sock")
        self.earlier = []
        #: How processes before the present one have ended.
        self.ends = []
        #: Whether it may end by itself, as the test will have it.
        self.may_end = False
        self.move(self.place)

    def move(self, place):
        """It is somewhere else from its next start on, and its own file says so."""
        self.place = place
        self.prefix = place.prefix
        self.probes = self._host_port(place.probes)
        self.addresses = [self._host_port(place.gateway)]
        self.configure()

    def configure(self):
        places = {name: self.network.place(name) for name in self.seeds}
        if self.name in places:
            places[self.name] = self.place
        seeds = ", ".join(f'{name}: "{place.advertise}"' for name, place in places.items())
        path = os.path.join(self.certificates, self.name)
        self.write_config(f"""
node: {{ name: {self.name}, data: {self.data} }}
cluster:
  listen: "{self.place.listen}"
  advertise: "{self.place.advertise}"
  seeds: {{ {seeds} }}
  tls: {{ certificate: {path}.pem, key: {path}.key, ca: {os.path.join(self.certificates, "ca.pem")} }}
listeners: [{{ address: "{self.place.gateway}", client: {{ from: x-forwarded-for, trusted: ["{self.network.trusted}"] }} }}]
probes: {{ address: "{self.place.probes}" }}
admin: {{ address: "{self.admin}" }}
log: {{ access: "off", addresses: none }}
{self.settings}""")

    def launch(self):
        if self.process is not None:
            self.ends.append(self.process.wait())
            self.earlier += list(self.lines) + [{"message": f"-- ended with {self.ends[-1]}, started again --"}]
        super().launch()
        self.network.started(self.name, self.pid)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def wipe(self):
        """The disk is gone."""
        shutil.rmtree(self.data)

    def ask(self, method, path, value=None, timeout=PROBE_TIMEOUT):
        with Client(self.admin, timeout=timeout) as client:
            if value is None:
                return client.request(method, path)
            return client.request(method, path, [("Content-Type", "application/json")], json.dumps(value).encode())

    def status(self):
        """What it says of the cluster; None while it says nothing."""
        try:
            answer = self.ask("GET", "/v1/cluster?consistency=stale")
        except (OSError, Closed, Violation):
            return None
        return answer.json() if answer.status == 200 else None

    def probe(self, path):
        """The answer to a probe; None if there is none."""
        try:
            with Client(self.probes, timeout=PROBE_TIMEOUT) as client:
                return client.get(path)
        except (OSError, Closed, Violation):
            return None

    def is_ready(self):
        """Whether it serves clients and has a majority to decide with."""
        answer = self.probe("/readyz?quorum=1")
        if answer is None or answer.status != 200:
            return False
        try:
            socket.create_connection(self.address, PROBE_TIMEOUT).close()
        except OSError:
            return False
        return True

    def has_logged(self, text):
        return any(text in json.dumps(line, ensure_ascii=False) for line in list(self.lines))

    def log(self, count=40):
        lines = self.earlier + list(getattr(self, "lines", []))
        return "\n".join(f"  {self.name}: {line}" for line in lines[-count:])


class Cluster:
    def __init__(self, network, names, settings, seeds=None):
        self.network = network
        self.settings = settings
        self.seeds = seeds or names
        self.folder = tempfile.mkdtemp(prefix="tollgate-test-")
        self.certificates = os.path.join(self.folder, "certificates")
        # More than there are, for those that come later.
        make_certificates(self.certificates, sorted({*names, *"abcdefgh"}))
        self.nodes = {}
        for name in names:
            network.place(name)
        for name in names:
            self.make(name)

    def make(self, name, seeds=None, environment=None, certificates=None):
        """A node with an empty disk, in place of the one of that name if there is one."""
        if name in self.nodes:
            self.nodes[name].stop()
        node = Node(
            self.network, name, self.settings, seeds or self.seeds, certificates or self.certificates, environment
        )
        self.nodes[name] = node
        return node

    def __getitem__(self, name):
        return self.nodes[name]

    def __iter__(self):
        return iter(list(self.nodes.values()))

    def launch(self):
        for node in self:
            node.launch()
        return self

    def running(self):
        return [node for node in self if node.is_running()]

    def wait_until(self, holds, what, timeout=PATIENCE):
        """Looks until `holds()` is true, and returns what it returned."""
        deadline = time.monotonic() + timeout
        while not (result := holds()):
            if time.monotonic() > deadline:
                logs = "\n".join(node.log() for node in self)
                raise Vain(f"{what}: not within {timeout} s\n{logs}")
            time.sleep(LOOK_AGAIN)
        return result

    def wait_ready(self, names=None, timeout=PATIENCE):
        for name in names or self.nodes:
            self.wait_until(self.nodes[name].is_ready, f"{name} is ready", timeout)

    def leader(self, among=None, timeout=PATIENCE):
        """The node that leads, among those of these names."""

        def find():
            said = [(node, node.status()) for node in self.running() if among is None or node.name in among]
            leaders = [(status["term"], node) for node, status in said if status and status["role"] == "leader"]
            return max(leaders, key=lambda leader: leader[0])[1] if leaders else None

        return self.wait_until(find, "there is a leader", timeout)

    def commit_index(self):
        """The furthest that any node knows of."""
        return max((status["commit_index"] for node in self.running() if (status := node.status())), default=0)

    def wait_digests(self, index, names=None, timeout=PATIENCE):
        """The digest of each node's state after the same entry, this one or one beyond it, once all have come so far."""
        nodes = [self.nodes[name] for name in names or self.nodes]

        def digests():
            found = {node.name: (node.status() or {}).get("digest") for node in nodes}
            indexes = {digest["index"] if digest else 0 for digest in found.values()}
            return found if len(indexes) == 1 and indexes.pop() >= index else None

        return self.wait_until(digests, f"digests of one entry, {index} or beyond", timeout)

    def stop(self):
        for node in self:
            node.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
