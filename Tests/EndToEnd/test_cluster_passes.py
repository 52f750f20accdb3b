"""Three gateways sell as one: what is issued, solved, bought and used at one is known at the others, and is sold once."""

import unittest

import protocol
from cluster_case import GRANTS, ClusterCase
from one_seller import OneSeller


class PassTests(OneSeller, ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster()
        self.nodes = list(self.cluster)

    def test_a_pass_is_good_for_its_grant_only_once(self):
        for seller in self.nodes:
            with self.subTest(seller.name):
                token = self.buy(seller)
                statuses = [self.use(self.nodes[index % 3], token).status for index in range(GRANTS + 3)]
                self.assertEqual(statuses, [200] * GRANTS + [401] * 3)

    def test_a_restart_of_all_keeps_what_was_sold(self):
        a, b, c = self.cluster
        challenge = self.challenge(a)
        solution = protocol.solve(challenge)
        token = self.redeem(a, challenge, solution, "k").json()["pass"]
        self.assertEqual([self.use(b, token).status for _ in range(GRANTS - 1)], [200] * (GRANTS - 1))
        for node in self.cluster:
            node.kill()
        self.cluster.launch()
        self.cluster.wait_ready()
        self.assert_refused(self.redeem(b, challenge, solution), 409, "already-spent")
        self.assertEqual(self.redeem(c, challenge, solution, "k").json()["pass"], token)
        self.assertEqual([self.use(node, token).status for node in (c, a)], [200, 401])


if __name__ == "__main__":
    unittest.main()
