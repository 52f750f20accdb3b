"""What several gateways that are one do with challenges, solutions and passes: tests, for whatever runs them.

    class PassTests(OneSeller, ClusterCase):        # or any other TestCase with the `nodes` of clients.py, three of them
        …
"""

import collections
import os

import protocol
from clients import Clients, from_client
from harness import parallel


class OneSeller(Clients):
    #: Each is sent to all nodes at once.
    solutions = int(os.environ.get("TOLLGATE_CLUSTER_SOLUTIONS") or 200)
    #: Of so many the answer is lost.
    lost_answers = 10

    def test_a_pass_of_one_is_good_at_the_others(self):
        for seller in self.nodes:
            with self.subTest(seller.name):
                token = self.buy(seller)
                self.assertEqual([self.use(node, token).status for node in self.nodes], [200] * 3)

    def test_a_challenge_of_one_is_redeemed_at_another(self):
        for issuer in self.nodes:
            for redeemer in self.nodes:
                with self.subTest(f"{issuer.name} to {redeemer.name}"):
                    challenge = self.challenge(issuer)
                    answer = self.redeem(redeemer, challenge, self.solve(challenge))
                    self.assertEqual(answer.status, 200, answer)
                    self.assertEqual(self.use(issuer, answer.json()["pass"]).status, 200)

    def test_of_three_at_once_one_gets_the_pass(self):
        clients = [self.at(node) for node in self.nodes]
        for client in clients:
            self.addCleanup(client.close)

        def send(index):
            return protocol.redeem(clients[index], challenge, solution, headers=from_client(1))

        for turn in range(self.solutions):
            challenge = self.challenge(self.nodes[turn % 3])
            solution = self.solve(challenge)
            answers = parallel(3, send)
            statuses = collections.Counter(answer.status for answer in answers)
            self.assertEqual(statuses, {200: 1, 409: 2}, answers)
            for answer in answers:
                if answer.status == 409:
                    self.assert_refused(answer, 409, "already-spent")

    def test_an_answer_that_was_lost_is_had_again_at_another_node(self):
        a, b, c = self.nodes
        for index in range(self.lost_answers):
            challenge = self.challenge(a)
            solution = self.solve(challenge)
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
