"""What tests share that do to three nodes whatever may be done to them, while clients count.

The leader is killed and started again; it is paused; and each way between two nodes is cut, alone and with the way back.
"""

import itertools
import os
import threading

from cluster_case import BURST, ClusterCase
from load import UNKNOWN

#: How often all harm is done, and how many requests there are at least.
ROUNDS = int(os.environ.get("TOLLGATE_CLUSTER_ROUNDS") or 1)
REQUESTS = int(os.environ.get("TOLLGATE_CLUSTER_REQUESTS") or 20_000)
CONNECTIONS = 96
#: How long a paused process stands still, and a way is cut at least, seconds: several elections.
PAUSED, CUT = 2, 1.5
#: For all answers once nobody does harm any more, seconds.
ENOUGH = 150
ADMITTED = (200, None)
REFUSED = (429, "work-required")
#: The same, for a network that was given many challenges and has solved none.
WITHHELD = (429, "over-limit")
NO_QUORUM = (503, "no-quorum")


class HarmCase(ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster()

    def harms(self):
        """All of them, as often as is asked for, in any order: what is done, and what does it."""
        names = list(self.cluster.nodes)
        harms = [("the leader is killed", self.kill_leader), ("the leader is paused", self.pause_leader)]
        for one, other in itertools.permutations(names, 2):
            harms.append((f"{one} is not heard by {other}", lambda one=one, other=other: self.network.cut(one, other)))
        for one, other in itertools.combinations(names, 2):
            harms.append((f"{one} and {other} are cut", lambda one=one, other=other: self.network.cut_both(one, other)))
        harms = harms * ROUNDS
        self.random.shuffle(harms)
        return harms

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

    def heal(self):
        """All ways are open, and every node has a majority to decide with."""
        self.network.heal()
        self.cluster.wait_ready()

    def check_outcomes(self, load):
        """That nothing was answered but what the design names."""
        allowed = [ADMITTED, REFUSED, WITHHELD, NO_QUORUM, UNKNOWN]
        others = {outcome: count for label in load.counts.values() for outcome, count in label.items() if outcome not in allowed}
        self.assertEqual(others, {}, load)

    def check_budget(self, load, labels):
        """Of the client that has sent what stands under these labels, and has nothing left: at most its burst was admitted, and no
        unit was lost but those of which nobody knows."""
        admitted = sum(self.seen[f"/{label}"] for label in labels)
        self.assertLessEqual(admitted, BURST, load)
        self.assertLessEqual(sum(load.seen(ADMITTED, label) for label in labels), admitted, load)
        undecided = sum(load.seen(UNKNOWN, label) + load.seen(NO_QUORUM, label) for label in labels)
        self.assertGreaterEqual(admitted, BURST - undecided, load)
