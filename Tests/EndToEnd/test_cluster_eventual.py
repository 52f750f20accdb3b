"""An eventual policy is decided by each gateway alone, which tells the others ten times a second: no majority is asked, and none is missed.

What counts is what the upstream has seen. The rate gives nothing back while a test runs.
"""

import bisect
import re
import time
import unittest

from cluster_case import ENOUGH, GRANTS, ClusterCase, strong_request
from harm_case import ADMITTED, REFUSED, WITHHELD
from upstream import fine

BURST, CEILING = 6_000, 30
CONNECTIONS = 96
#: Between two rounds in which nodes tell each other what they admitted; and what a machine that is busy adds, seconds.
ROUND, DELAY = 0.1, 0.4
SETTINGS = """
upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
routes:
  - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
  - {{ name: eventual, match: {{ path: "/*" }}, upstream: app, policy: eventual }}
policies:
  eventual:
    preset: api
    consistency: eventual
    onQuorumLoss: deny
    free: [{{ rate: 1/day, burst: {burst} }}, {{ key: all, rate: 1000000/min, burst: 1000000 }}]
    ceiling: off
    work: {{ difficulty: 64, rounds: 1 }}
  paid:
    preset: api
    consistency: eventual
    onQuorumLoss: deny
    free: {{ rate: 0 }}
    ceiling: {{ rate: 1/day, burst: {ceiling} }}
    work: {{ difficulty: 64, rounds: 1, grants: {grants}, ttl: 1h, challengeTtl: 30m }}
"""


class EventualCase(ClusterCase):
    def setUp(self):
        super().setUp()
        #: When the upstream saw requests, by path.
        self.times = {}
        self.settings = SETTINGS.format(upstream=self.upstream.authority, burst=BURST, grants=GRANTS, ceiling=CEILING)
        self.start_cluster()

    async def _count(self, request, connection):
        self.seen[request.path] += 1
        self.times.setdefault(request.path, []).append(time.monotonic())
        await fine(request, connection)

    def ask_for(self, label, nodes, total, client=1):
        load = self.load(
            lambda _: (label, strong_request(client, label)), nodes=nodes, connections=CONNECTIONS, total=total
        )
        load.finish(ENOUGH)
        self.assertEqual(set(load.counts[label]) - {ADMITTED, REFUSED, WITHHELD}, set(), load)
        return load

    def left(self, node, label, client=1):
        """What a node says is left for a client, of whose units this takes one; 0 where it refuses."""
        answer = self.get(node, f"/{label}", client)
        if answer.status != 200:
            self.assert_refused(answer, 429, "work-required")
            return 0
        return int(re.search(r'"free";r=(\d+)', answer.header("ratelimit")).group(1))

    def knows(self, node, label, client=1):
        """Waits until a node knows of all that a client has had, under this label alone, of any node."""
        self.cluster.wait_until(
            lambda: self.left(node, label, client) <= max(0, BURST - self.seen[f"/{label}"]), f"{node.name} knows it"
        )

    def busiest(self, path, window):
        """The most requests that the upstream saw in any time so long."""
        times = sorted(self.times[path])
        return max(bisect.bisect_right(times, begin + window) - index for index, begin in enumerate(times))


class ConnectedTests(EventualCase):
    def test_connected_nodes_admit_the_burst_and_what_they_admit_while_they_hear_of_it(self):
        # They must have met, or each has a limit of its own.
        for node in self.cluster:
            self.get(node, "/met", 2)
        for node in self.cluster:
            self.knows(node, "met", 2)
        before = self.cluster.commit_index()
        load = self.ask_for("k1", list(self.cluster), 2 * BURST)
        entries = self.cluster.commit_index() - before
        admitted = self.seen["/k1"]
        self.assertGreaterEqual(admitted, BURST, load)
        # Two nodes have not heard of what the third admits in a round and while a message is on its way.
        excess = 2 * self.busiest("/k1", ROUND + DELAY) // 3
        self.assertLessEqual(admitted, BURST + excess, load)
        self.assertLess(entries, 100, "the log has no part in it")
        for node in self.cluster:
            self.assert_refused(self.get(node, "/k1", 1), 429, "work-required")
            self.assertEqual(self.get(node, "/other", 3).status, 200)

    def test_a_pass_is_the_ledgers_and_the_ceiling_is_the_nodes(self):
        nodes = list(self.cluster)
        tokens = [self.buy(node) for node in nodes]
        statuses = [self.use(nodes[turn % 3], tokens[0]).status for turn in range(GRANTS + 2)]
        self.assertEqual(statuses, [200] * GRANTS + [401] * 2)
        # Of the ceiling each node has charged what it admitted and what it heard of the others.
        answers = [self.use(nodes[0], token) for token in tokens[1:] for _ in range(GRANTS)]
        admitted = [answer.status for answer in answers].count(200)
        self.assertGreaterEqual(admitted, CEILING - GRANTS)
        self.assertLessEqual(admitted, CEILING)
        self.assert_refused(answers[-1], 429, "over-limit")


class CutTests(EventualCase):
    def test_each_side_has_a_limit_of_its_own_and_they_agree_when_they_meet_again(self):
        a, b, c = self.cluster
        self.network.isolate("a", self.cluster.nodes)
        self.cluster.wait_until(lambda: a.probe("/readyz?quorum=1").status == 503, "a has no majority")
        self.assertEqual(a.probe("/readyz").status, 200, "it decides all the same")
        for node, count in ((a, 200), (b, 300)):
            statuses = [self.get(node, "/k2", 2).status for _ in range(count)]
            self.assertEqual(statuses, [200] * count)
        # A limit a side, and no more.
        alone = self.ask_for("a1", [a], BURST + 500)
        self.assertEqual(alone.seen(ADMITTED), BURST)
        others = self.ask_for("bc1", [b, c], 2 * BURST)
        self.assertGreaterEqual(others.seen(ADMITTED), BURST)
        self.assertLessEqual(others.seen(ADMITTED), BURST + self.busiest("/bc1", ROUND + DELAY) // 2, others)
        self.network.heal()
        self.cluster.wait_ready()
        # The one that is asked last knows of all that was had until then.
        for node in (b, c, a):
            self.knows(node, "k2", 2)
        # All that is left is had at it; the others hear of it.
        rest = self.ask_for("k2", [a], BURST, client=2)
        self.assertEqual(self.seen["/k2"], BURST, rest)
        for node in (b, c):
            self.knows(node, "k2", 2)
            self.assert_refused(self.get(node, "/k2", 2), 429, "work-required")
        for node in self.cluster:
            self.assert_refused(self.get(node, "/again", 1), 429, "work-required")

    def test_one_node_alone_of_three_goes_on_deciding(self):
        a, b, c = self.cluster
        b.kill()
        c.kill()
        self.cluster.wait_until(lambda: a.probe("/readyz?quorum=1").status == 503, "a has no majority")
        self.assertEqual(a.probe("/readyz").status, 200)
        load = self.ask_for("k1", [a], BURST + 500)
        self.assertEqual(load.seen(ADMITTED), BURST)
        # A pass is a majority's to charge.
        self.assert_refused(self.get(a, self.paid_path, 1, timeout=30), 401, "work-required")

    def test_a_node_that_begins_anew_hears_what_was_had(self):
        a, b, c = self.cluster
        statuses = [self.get(a, "/k1", 1).status for _ in range(200)]
        self.assertEqual(statuses, [200] * 200)
        self.knows(b, "k1")
        a.kill()
        a.launch()
        self.cluster.wait_ready()
        self.knows(a, "k1")
        # Neither is anything of it forgotten when all have begun anew, one after the other.
        for node in (b, c):
            node.kill()
            node.launch()
            self.cluster.wait_ready()
            self.knows(node, "k1")


if __name__ == "__main__":
    unittest.main()
