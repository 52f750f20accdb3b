"""One client's budget, spent a little at each harm that is done to three gateways, and then by a flood: as much as it is, and no more.

What counts is what the upstream has seen. The rate gives nothing back while a test runs.
"""

import itertools
import time
import unittest

from buyer import Buyer
from cluster_case import BURST, strong_request
from harm_case import CONNECTIONS, CUT, ENOUGH, REFUSED, REQUESTS, WITHHELD, HarmCase

#: A harm's share of the budget: on its way when harm comes, while the nodes learn of it, when they have settled, and when it is over.
PARTS = 4


class BudgetTests(HarmCase):
    def setUp(self):
        super().setUp()
        #: What the client's requests are, as the upstream sees them.
        self.label = None

    def test_one_budget_lasts_over_all_harm(self):
        # As many as there are units for, and one share that is left for the flood.
        harms = self.harms()[: BURST // PARTS - 1]
        part = BURST // (len(harms) + 1) // PARTS
        buyer = Buyer(self, number=20_000).start()
        self.addCleanup(buyer.stop)
        load = self.load(
            lambda _: (self.label, strong_request(1, self.label)), connections=CONNECTIONS, total=REQUESTS, paced=True
        )
        labels = [f"harm-{index}" for index in range(len(harms))]
        for self.label, (what, harm) in zip(labels, harms):
            self.endure(load, what, harm, part)
        in_time = sum(self.seen[f"/{label}"] for label in labels)

        self.label = "flood"
        load.release_all()
        self.cluster.wait_until(lambda: load.seen(REFUSED, "flood") + load.seen(WITHHELD, "flood"), "the budget is spent")
        # Whoever leads from now on, nothing comes back.
        self.label = "spent"
        one, other = self.random.choice(list(itertools.combinations(self.cluster.nodes, 2)))
        for harm in (self.kill_leader, self.pause_leader, lambda: self.network.cut_both(one, other)):
            harm()
            time.sleep(CUT)
            self.heal()
        load.finish(ENOUGH)
        self.cluster.wait_ready()
        buyer.stop()

        self.check_outcomes(load)
        self.assertEqual(self.seen["/spent"], 0, load)
        self.check_budget(load, [*labels, "flood"])
        self.assertGreater(in_time, BURST // 2, load)
        for node in self.cluster:
            self.assertEqual(self.get(node, "/more", 1).status, 429)
        self.assertGreater(len(buyer.sales), len(harms))
        buyer.check()
        self.check_equal()

    def endure(self, load, what, harm, part):
        """A share of the budget is asked for around this harm, and some of it is admitted while it lasts and when it is over."""
        load.release(part)
        harm()
        load.release(part)
        time.sleep(CUT)
        self.admit_some(load, part, f"while {what}")
        self.heal()
        self.admit_some(load, part, f"after {what}")

    def admit_some(self, load, part, when):
        """Asks for a part until something of it is admitted: the nodes may be choosing a leader, and what they refuse costs nothing."""
        before, deadline = self.seen[f"/{self.label}"], time.monotonic() + ENOUGH
        while self.seen[f"/{self.label}"] == before:
            self.assertLess(time.monotonic(), deadline, f"{when}: {load}")
            load.release(part)
            load.wait_ended(ENOUGH)


if __name__ == "__main__":
    unittest.main()
