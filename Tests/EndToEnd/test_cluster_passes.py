"""Three gateways sell as one: what is issued, solved, bought and used at one is known at the others, and is sold once."""

import collections
import os
import unittest

import protocol
from cluster_case import GRANTS, ClusterCase, from_client
from harness import parallel

#: Each is sent to all nodes at once.
SOLUTIONS = int(os.environ.get("TOLLGATE_CLUSTER_SOLUTIONS") or 200)


class PassTests(ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster()

    def test_a_pass_is_good_at_every_node_and_for_its_grant_only_once(self):
        for seller in self.cluster:
            with self.subTest(seller.name):
                token = self.buy(seller)
                nodes = list(self.cluster)
                statuses = [self.use(nodes[index % 3], token).status for index in range(GRANTS + 3)]
                self.assertEqual(statuses, [200] * GRANTS + [401] * 3)

    def test_a_challenge_of_one_is_redeemed_at_another(self):
        for issuer in self.cluster:
            for redeemer in self.cluster:
                with self.subTest(f"{issuer.name} to {redeemer.name}"):
                    challenge = self.challenge(issuer)
                    answer = self.redeem(redeemer, challenge, protocol.solve(challenge))
                    self.assertEqual(answer.status, 200, answer)
                    self.assertEqual(self.use(issuer, answer.json()["pass"]).status, 200)

    def test_of_three_at_once_one_gets_the_pass(self):
        nodes = list(self.cluster)
        challenges = [self.challenge(nodes[index % 3]) for index in range(SOLUTIONS)]
        solutions = [protocol.solve(challenge) for challenge in challenges]
        clients = [self.at(node) for node in nodes]
        for client in clients:
            self.addCleanup(client.close)

        def send(index):
            at = index % 3
            return protocol.redeem(clients[at], challenge, solution, headers=from_client(1))

        for challenge, solution in zip(challenges, solutions):
            answers = parallel(3, send)
            statuses = collections.Counter(answer.status for answer in answers)
            self.assertEqual(statuses, {200: 1, 409: 2}, answers)
            for answer in answers:
                if answer.status == 409:
                    self.assert_refused(answer, 409, "already-spent")

    def test_an_answer_that_was_lost_is_had_again_at_another_node(self):
        a, b, c = self.cluster
        for index in range(10):
            challenge = self.challenge(a)
            solution = protocol.solve(challenge)
            key = f"key-{index}"
            with self.at(a) as client:
                # Odd ones leave before the answer is there; the node may have done all of it, a part or nothing.
                if index % 2:
                    body = b'{"challenge":"%s","solution":"%s"}' % (challenge["challenge"].encode(), solution.encode())
                    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
                    fields += from_client(1, ("Idempotency-Key", key))
                    client.send(client.head("POST", protocol.REDEEM, fields) + body)
                    answers = []
                else:
                    answers = [protocol.redeem(client, challenge, solution, key, from_client(1))]
            answers += [self.redeem(node, challenge, solution, key) for node in (b, c, a)]
            self.assertEqual([answer.status for answer in answers], [200] * len(answers), answers)
            self.assertEqual(len({answer.json()["pass"] for answer in answers}), 1)
            self.assert_refused(self.redeem(b, challenge, solution, "another key"), 409, "already-spent")
            self.assert_refused(self.redeem(c, challenge, solution), 409, "already-spent")

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
