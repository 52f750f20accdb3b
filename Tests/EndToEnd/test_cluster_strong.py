"""A strong policy admits its burst and no more over three gateways, whatever is killed, paused or cut meanwhile.

What counts is what the upstream has seen. The rate gives nothing back while a test runs.
"""

import itertools
import os
import random
import threading
import time
import unittest

from buyer import Buyer
from cluster_case import BURST, ClusterCase, strong_request
from load import UNKNOWN

#: How often all harm is done, and how many requests there are at least.
ROUNDS = int(os.environ.get("TOLLGATE_CLUSTER_ROUNDS") or 1)
REQUESTS = int(os.environ.get("TOLLGATE_CLUSTER_REQUESTS") or 20_000)
CONNECTIONS = 96
#: Of a client's requests are admitted before harm is done, and again before it ends: it comes in the middle.
BEFORE, AFTER = 100, 200
#: How long a paused process stands still, and a way is cut at least, seconds: several elections.
PAUSED, CUT = 2, 1.5
#: For all answers once nobody does harm any more, seconds.
ENOUGH = 150
ADMITTED = (200, None)
NO_QUORUM = (503, "no-quorum")


class StrongTests(ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster()

    def check_outcomes(self, load, allowed):
        """That nothing was answered but what the design names."""
        others = {outcome: count for label in load.counts.values() for outcome, count in label.items() if outcome not in allowed}
        self.assertEqual(others, {}, load)

    def test_undisturbed_the_burst_is_admitted_exactly(self):
        load = self.load(lambda _: ("k1", strong_request(1, "k1")), connections=CONNECTIONS, total=REQUESTS)
        load.finish(ENOUGH)
        self.assertEqual(load.seen(ADMITTED), BURST)
        self.assertEqual(self.seen, {"/k1": BURST})
        self.assertEqual(load.seen((429, "work-required")), load.sent - BURST, load)

    def test_whatever_is_killed_paused_or_cut_no_more_is_admitted(self):
        names = list(self.cluster.nodes)
        harms = [("the leader is killed", self.kill_leader), ("the leader is paused", self.pause_leader)]
        for one, other in itertools.permutations(names, 2):
            harms.append((f"{one} is not heard by {other}", lambda one=one, other=other: self.network.cut(one, other)))
        for one, other in itertools.combinations(names, 2):
            harms.append((f"{one} and {other} are cut", lambda one=one, other=other: self.network.cut_both(one, other)))
        harms = harms * ROUNDS
        self.random.shuffle(harms)

        # Half of the requests are those of the present client, of whose units there are some left; the others are of clients
        # who have none.
        self.client = 0
        chosen = random.Random(self.random.random())

        def request(number):
            client = self.client if number % 2 else chosen.randint(0, self.client)
            return f"k{client}", strong_request(client, f"k{client}")

        buyer = Buyer(self, number=20_000).start()
        self.addCleanup(buyer.stop)
        load = self.load(request, connections=CONNECTIONS, total=REQUESTS)
        for what, harm in harms:
            self.client += 1
            self.wait_admitted(BEFORE, f"before {what}")
            harm()
            time.sleep(CUT)
            self.wait_admitted(BEFORE + AFTER, f"while {what}")
            self.network.heal()
            self.cluster.wait_ready()
        load.finish(ENOUGH)
        self.cluster.wait_ready()
        buyer.stop()

        self.check_outcomes(load, [ADMITTED, (429, "work-required"), NO_QUORUM, UNKNOWN])
        for client in range(self.client + 1):
            with self.subTest(f"client {client}"):
                self.check_client(load, client)
        self.assertGreater(len(buyer.sales), len(harms))
        buyer.check()
        self.check_equal()

    def check_client(self, load, client):
        """At most the burst was admitted, and no unit was lost but those of which nobody knows."""
        label, path = f"k{client}", f"/k{client}"
        nodes = itertools.cycle(self.cluster)
        while self.get(next(nodes), path, client).status == 200:
            pass
        admitted = self.seen[path]
        self.assertLessEqual(admitted, BURST)
        self.assertLessEqual(load.seen(ADMITTED, label), admitted)
        undecided = load.seen(UNKNOWN, label) + load.seen(NO_QUORUM, label)
        self.assertGreaterEqual(admitted, BURST - undecided, load.counts[label])

    def wait_admitted(self, count, what):
        path = f"/k{self.client}"
        self.cluster.wait_until(lambda: self.seen[path] >= count, f"{count} admitted {what}")

    def kill_leader(self):
        leader = self.cluster.leader()
        leader.kill()
        leader.launch()

    def pause_leader(self):
        leader = self.cluster.leader()
        leader.pause()
        # The pause itself is what is tested.
        timer = threading.Timer(PAUSED, leader.resume)
        timer.start()
        self.addCleanup(timer.join)


if __name__ == "__main__":
    unittest.main()
