"""A strong policy admits its burst and no more over three gateways, whatever is killed, paused or cut meanwhile.

What counts is what the upstream has seen. The rate gives nothing back while a test runs.
"""

import itertools
import random
import time
import unittest

from buyer import Buyer
from cluster_case import BURST, strong_request
from harm_case import ADMITTED, CONNECTIONS, CUT, ENOUGH, REFUSED, REQUESTS, WITHHELD, HarmCase

#: Of a client's requests are admitted before harm is done, and again before it ends: it comes in the middle.
BEFORE, AFTER = 100, 200


class StrongTests(HarmCase):
    def test_undisturbed_the_burst_is_admitted_exactly(self):
        load = self.load(lambda _: ("k1", strong_request(1, "k1")), connections=CONNECTIONS, total=REQUESTS)
        load.finish(ENOUGH)
        self.assertEqual(load.seen(ADMITTED), BURST)
        self.assertEqual(self.seen, {"/k1": BURST})
        self.assertEqual(load.seen(REFUSED) + load.seen(WITHHELD), load.sent - BURST, load)

    def test_whatever_is_killed_paused_or_cut_no_more_is_admitted(self):
        # Half of the requests are those of the present client, of whose units there are some left; the others are of clients
        # who have none.
        self.client = 0
        chosen = random.Random(self.random.random())

        def request(number):
            client = self.client if number % 2 else chosen.randint(0, self.client)
            return f"k{client}", strong_request(client, f"k{client}")

        harms = self.harms()
        buyer = Buyer(self, number=20_000).start()
        self.addCleanup(buyer.stop)
        load = self.load(request, connections=CONNECTIONS, total=REQUESTS)
        for what, harm in harms:
            self.client += 1
            self.wait_admitted(BEFORE, f"before {what}")
            harm()
            time.sleep(CUT)
            self.wait_admitted(BEFORE + AFTER, f"while {what}")
            self.heal()
        load.finish(ENOUGH)
        self.cluster.wait_ready()
        buyer.stop()

        self.check_outcomes(load)
        nodes = itertools.cycle(self.cluster)
        for client in range(self.client + 1):
            with self.subTest(f"client {client}"):
                while self.get(next(nodes), f"/k{client}", client).status == 200:
                    pass
                self.check_budget(load, [f"k{client}"])
        self.assertGreater(len(buyer.sales), len(harms))
        buyer.check()
        self.check_equal()

    def wait_admitted(self, count, what):
        path = f"/k{self.client}"
        self.cluster.wait_until(lambda: self.seen[path] >= count, f"{count} admitted {what}")


if __name__ == "__main__":
    unittest.main()
