"""What the tests of clusters share: a network, an upstream that counts, and nodes with the same policies, at each of which clients.py asks.

Rates of one a day make bursts exact: nothing comes back while a test runs.
"""

import collections
import itertools
import signal

from clients import Clients, client_address
from cluster import Cluster
from harness import TestCase
from load import Load
from network import choose
from upstream import fine

BURST = 1_000
#: After each entry whose index is a multiple of this a digest is taken.
CHECKPOINT_ENTRIES = 1_024
#: For the answers to a load that has ended, seconds.
ENOUGH = 60
GRANTS = 20
#: A route for each policy. `strong` has free units, `paid` has none.
SETTINGS = """
upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
routes:
  - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
  - {{ name: strong, match: {{ path: "/*" }}, upstream: app, policy: strong }}
policies:
  strong:
    preset: api
    consistency: strong
    free: {{ rate: 1/day, burst: {burst} }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1, grants: {grants} }}
  paid:
    preset: api
    consistency: strong
    free: {{ rate: 0 }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1, grants: {grants}, ttl: 1h, challengeTtl: 30m }}
"""


class ClusterCase(Clients, TestCase):
    def setUp(self):
        super().setUp()
        self.network = choose()
        self.addCleanup(self.network.close)
        self.network.enter()
        #: How many requests the upstream has seen, by path.
        self.seen = collections.Counter()
        self.upstream = self.start_upstream(self._count, host=self.network.host)
        self.settings = SETTINGS.format(upstream=self.upstream.authority, burst=BURST, grants=GRANTS)

    async def _count(self, request, connection):
        self.seen[request.path] += 1
        await fine(request, connection)

    def make_cluster(self, names, seeds=None):
        """Nodes that have not been started."""
        cluster = self.cluster = Cluster(self.network, list(names), self.settings, seeds and list(seeds))
        self.addCleanup(self._check_ends, cluster)
        self.addCleanup(cluster.stop)
        return cluster

    def start_cluster(self, names="abc"):
        """Nodes of which each is ready."""
        cluster = self.make_cluster(names)
        cluster.launch()
        cluster.wait_ready()
        return cluster

    def _check_ends(self, cluster):
        """No node may have ended on its own: what crashes is a fault whatever else holds."""
        for node in cluster:
            ends = node.ends + ([node.process.wait()] if node.process is not None else [])
            if not node.may_end and not {0, -signal.SIGKILL, -signal.SIGTERM}.issuperset(ends):
                self.fail(f"node {node.name} has ended on its own: {ends}\n{node.log()}")

    def load(self, make, nodes=None, **options):
        """Starts a load on all nodes; see load.py. It ends with the test at the latest."""
        load = Load([node.address for node in nodes or self.cluster], make, **options)
        self.addCleanup(load.stop)
        return load.start()

    def check_equal(self):
        """All have the same state after the next entry of which they take a digest."""
        index = (self.cluster.commit_index() // CHECKPOINT_ENTRIES + 1) * CHECKPOINT_ENTRIES
        clients = itertools.count(40_000)
        load = self.load(lambda _: ("equal", strong_request(next(clients), "equal")), connections=24, total=0)
        self.cluster.wait_until(lambda: self.cluster.commit_index() >= index, f"entry {index}")
        load.finish(ENOUGH)
        digests = self.cluster.wait_digests(index)
        self.assertEqual(len({digest["value"] for digest in digests.values()}), 1, digests)


def strong_request(number, label, authority="tollgate.example"):
    """The bytes of a request of a client of this number; the upstream sees the label in its path."""
    return (
        f"GET /{label} HTTP/1.1\r\nHost: {authority}\r\nX-Forwarded-For: {client_address(number)}\r\n\r\n"
    ).encode()

