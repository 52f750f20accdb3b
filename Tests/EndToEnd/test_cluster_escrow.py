"""An escrow policy admits its burst and no more over three gateways, which spend slices of it by themselves; what is lost is what dead
nodes held.

What counts is what the upstream has seen. The rate gives nothing back while a test runs.
"""

import itertools
import os
import threading
import time
import unittest

from cluster_case import ENOUGH, GRANTS, ClusterCase, strong_request
from harm_case import ADMITTED, CUT, NO_QUORUM, PAUSED, REFUSED
from load import UNKNOWN

BURST = 10_000
#: What a slice is at most while nobody waits: a 128th of the burst, divided by the nodes.
SLICE = BURST // (128 * 3)
CONNECTIONS = 96
#: What may be lost undisturbed: the last units of slices that ended while a request had its hand on them.
STRANDED = 10
ROUNDS = int(os.environ.get("TOLLGATE_CLUSTER_ROUNDS") or 1)
SETTINGS = """
upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
routes:
  - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
  - {{ name: several, match: {{ path: "/several/*" }}, upstream: app, policy: several }}
  - {{ name: escrow, match: {{ path: "/*" }}, upstream: app, policy: escrow }}
policies:
  escrow:
    preset: api
    consistency: escrow
    onQuorumLoss: deny
    free: {{ rate: 1/day, burst: {burst} }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1 }}
  several:
    preset: api
    consistency: escrow
    onQuorumLoss: deny
    free: [{{ rate: 1/day, burst: 40 }}, {{ key: all, rate: 1/day, burst: 1000 }}]
    ceiling: off
    work: {{ difficulty: 64, rounds: 1 }}
  paid:
    preset: api
    consistency: escrow
    onQuorumLoss: deny
    free: {{ rate: 0 }}
    ceiling: {{ rate: 1/day, burst: 50 }}
    work: {{ difficulty: 64, rounds: 1, grants: {grants}, ttl: 1h, challengeTtl: 30m }}
"""


class EscrowCase(ClusterCase):
    def setUp(self):
        super().setUp()
        self.settings = SETTINGS.format(upstream=self.upstream.authority, burst=BURST, grants=GRANTS)
        self.start_cluster()
        # The members say that they know how to lend; from then on slices are what decides.
        self.cluster.wait_until(
            lambda: all((node.status() or {}).get("ledger_version", 0) >= 2 for node in self.cluster), "all know slices"
        )

    def ask_for(self, label, nodes, total, client=1):
        """Requests of one client at some of the nodes, and their answers."""
        load = self.load(
            lambda _: (label, strong_request(client, label)), nodes=nodes, connections=CONNECTIONS, total=total
        )
        load.finish(ENOUGH)
        return load

    def drain(self, label, client=1):
        """Asks until nobody has anything left: what lies idle at a node comes back within a moment."""
        quiet = 0
        nodes = itertools.cycle(self.cluster)
        while quiet < 30:
            quiet = 0 if self.get(next(nodes), f"/{label}", client).status == 200 else quiet + 1

    def metric(self, node, name, policy):
        text = node.probe("/metrics").body.decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f'{name}{{policy="{policy}"}}'))


class UndisturbedTests(EscrowCase):
    def test_the_burst_is_had_to_its_end_wherever_the_requests_go(self):
        a, b, c = self.cluster
        before = self.cluster.commit_index()
        loads = [self.ask_for("k1", nodes, total) for nodes, total in [([a], 4_000), ([a, b, c], 3_000), ([c], 5_000)]]
        entries = self.cluster.commit_index() - before
        self.drain("k1")
        self.assertLessEqual(self.seen["/k1"], BURST, loads)
        self.assertGreaterEqual(self.seen["/k1"], BURST - STRANDED, loads)
        for load in loads:
            self.assertEqual(set(load.counts["k1"]), set(load.counts["k1"]) & {ADMITTED, REFUSED}, load)
        self.assertEqual(loads[0].seen(ADMITTED), loads[0].sent, "one node alone can have it all")
        # Each slice is an entry, and so is what is left of it; a request is none.
        self.assertLess(entries, BURST // 3, f"{entries} entries for {sum(load.sent for load in loads)} requests")
        for node in self.cluster:
            self.cluster.wait_until(
                lambda node=node: self.metric(node, "tollgate_slice_units", "escrow") == 0, f"{node.name} holds nothing"
            )
            self.assertEqual(self.metric(node, "tollgate_over_admission_units", "escrow"), 0)

    def test_a_hot_key_and_a_crowd_of_keys_once_each_are_both_served(self):
        crowd = itertools.count(10_000)

        def request(number):
            if number % 2:
                return "hot", strong_request(1, "hot")
            return "crowd", strong_request(next(crowd), "crowd")

        load = self.load(request, connections=CONNECTIONS, total=8_000)
        load.finish(ENOUGH)
        for label in ("crowd", "hot"):
            # On a machine that is busy a majority may be late.
            self.assertEqual(set(load.counts[label]) - {ADMITTED, NO_QUORUM}, set(), load)
            self.assertGreater(load.seen(ADMITTED, label), 3_000, load)

    def test_several_limits_are_charged_together(self):
        clients = 50

        def request(number):
            client = number % clients
            return f"c{client}", strong_request(client, f"several/c{client}")

        load = self.load(request, connections=CONNECTIONS, total=6_000)
        load.finish(ENOUGH)
        admitted = {client: self.seen[f"/several/c{client}"] for client in range(clients)}
        self.assertLessEqual(max(admitted.values()), 40, admitted)
        self.assertLessEqual(sum(admitted.values()), 1_000, admitted)
        # What one limit refuses the other keeps: it is there for somebody else.
        self.assertGreaterEqual(sum(admitted.values()), 1_000 - 3 * STRANDED, admitted)

    def test_passes_are_the_ledgers_and_so_is_the_ceiling_that_they_are_charged_to(self):
        nodes = list(self.cluster)
        tokens = [self.buy(node) for node in nodes]
        statuses = [self.use(nodes[turn % 3], tokens[0]).status for turn in range(GRANTS + 2)]
        self.assertEqual(statuses, [200] * GRANTS + [401] * 2)
        # One ceiling over all nodes and passes: 50, of which the first pass has had its part.
        answers = [self.use(nodes[turn % 3], tokens[1 + turn % 2]) for turn in range(2 * GRANTS)]
        self.assertEqual([answer.status for answer in answers].count(200), 50 - GRANTS)
        self.assert_refused(answers[-1], 429, "over-limit")


class HarmTests(EscrowCase):
    def test_whatever_is_killed_paused_or_cut_no_more_is_admitted_and_what_is_lost_was_held(self):
        names = list(self.cluster.nodes)
        harms = [(f"{name} is killed", lambda name=name: self.kill(name)) for name in names]
        harms += [(f"{name} is paused", lambda name=name: self.pause(name)) for name in names]
        harms += [
            (f"{one} and {other} are cut", lambda one=one, other=other: self.network.cut_both(one, other))
            for one, other in itertools.combinations(names, 2)
        ]
        harms += [(f"{name} is alone", lambda name=name: self.network.isolate(name, names)) for name in names]
        harms *= ROUNDS
        self.random.shuffle(harms)
        load = self.load(
            lambda _: ("k1", strong_request(1, "k1")), connections=CONNECTIONS, total=20_000, paced=True
        )
        # A share at each harm, and the rest in the end.
        part = BURST // (len(harms) + 2) // 3
        for what, harm in harms:
            load.release(part)
            harm()
            load.release(part)
            time.sleep(CUT)
            self.network.heal()
            self.cluster.wait_ready()
            load.release(part)
            load.wait_ended(ENOUGH)
        load.release_all()
        load.finish(ENOUGH)
        self.drain("k1")
        allowed = {ADMITTED, REFUSED, NO_QUORUM, UNKNOWN}
        self.assertEqual(set(load.counts["k1"]) - allowed, set(), load)
        admitted, unknown = self.seen["/k1"], load.seen(UNKNOWN) + load.seen(NO_QUORUM)
        self.assertLessEqual(admitted, BURST, load)
        self.assertLessEqual(load.seen(ADMITTED), admitted, load)
        # A node has two slices of a bucket, the one in use and the next. Whatever waited for more was not answered by 200.
        held = len(harms) * len(names) * 2 * SLICE
        self.assertGreaterEqual(admitted, BURST - held - unknown, load)
        self.check_equal()

    def kill(self, name):
        self.cluster[name].kill()
        self.cluster[name].launch()

    def pause(self, name):
        node = self.cluster[name]
        node.pause()
        # The pause itself is what is tested.
        timer = threading.Timer(PAUSED, node.resume)
        timer.start()
        self.addCleanup(timer.join)


if __name__ == "__main__":
    unittest.main()
