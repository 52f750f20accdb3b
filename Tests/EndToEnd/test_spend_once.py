"""A solved challenge buys its grant once, whoever sends it how often at once; an answer that was lost can be had again, by its sender."""

import collections
import json
import unittest

import protocol
from client import Client
from harness import TestCase, parallel

AT_ONCE = 100
GRANTS = 40
CONFIG = """
    upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
    policies:
      api: {{ preset: api, free: {{ rate: 0 }}, ceiling: off, work: {{ difficulty: 256, rounds: 4, grants: %d }} }}
    routes: [{{ name: api, upstream: app, policy: api }}]
""" % GRANTS
HOME = "198.18.0.1"


class SpendTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.upstream = self.start_upstream()
        self.gateway = self.start_gateway(CONFIG.format(upstream=self.upstream.authority))
        self.client = self.connect(self.gateway)

    def solved(self, address=HOME):
        challenge = self.client.get(protocol.CHALLENGE, [("X-Forwarded-For", address)]).json()
        return challenge, protocol.solve(challenge)

    def redeem(self, solved, key=None, address=HOME, client=None):
        challenge, solution = solved
        return protocol.redeem(client or self.client, challenge, solution, key, [("X-Forwarded-For", address)])

    def in_line(self, solved, key=None, address=HOME, client=None):
        challenge, solution = solved
        headers = [("X-Forwarded-For", address), ("PoW-Solution", f"{challenge['challenge']}.{solution}")]
        if key is not None:
            headers.append(("PoW-Idempotency-Key", key))
        return (client or self.client).get("/in-line", headers)

    def use(self, token, address=HOME):
        return self.client.get("/used", [("X-Forwarded-For", address), ("PoW-Pass", token)])

    def remaining(self, token):
        """How many requests the pass is still good for, by using them up."""
        for count in range(GRANTS + 1):
            if self.use(token).status != 200:
                return count
        raise AssertionError("more than it was sold for")

    def at_once(self, send, count=AT_ONCE):
        """`send(index, client)` from as many connections, all open before the first request is sent."""
        clients = [Client(self.gateway.address).open() for _ in range(count)]
        try:
            return parallel(count, lambda index: send(index, clients[index]))
        finally:
            for client in clients:
                client.close()

    def check_all_refused(self, answers, status, kind):
        for answer in answers:
            self.assertEqual((answer.status, answer.json()["type"]), (status, f"urn:tollgate:{kind}"))
            self.assertIsNone(answer.header("pow-pass"))
            self.assertEqual(answer.all("set-cookie"), [])


class OnceTests(SpendTestCase):
    def test_of_a_hundred_at_once_one_gets_the_pass(self):
        for attempt in range(5):
            with self.subTest(attempt):
                solved = self.solved()
                answers = self.at_once(lambda _, client: self.redeem(solved, client=client))
                won = [answer for answer in answers if answer.status == 200]
                self.assertEqual(len(won), 1)
                self.check_all_refused([answer for answer in answers if answer.status != 200], 409, "already-spent")
                self.assertEqual(self.remaining(won[0].json()["pass"]), GRANTS)

    def test_of_a_hundred_in_line_one_is_forwarded(self):
        for attempt in range(5):
            with self.subTest(attempt):
                solved = self.solved()
                self.upstream.take()
                answers = self.at_once(lambda _, client: self.in_line(solved, client=client))
                won = [answer for answer in answers if answer.status == 200]
                self.assertEqual(len(won), 1)
                self.check_all_refused([answer for answer in answers if answer.status != 200], 409, "already-spent")
                self.assertEqual(len(self.upstream.take()), 1)
                # It has paid for the request that it came with.
                self.assertEqual(self.remaining(won[0].header("pow-pass")), GRANTS - 1)

    def test_of_both_ways_mixed_one_wins(self):
        solved = self.solved()
        answers = self.at_once(
            lambda index, client: (self.redeem if index % 2 else self.in_line)(solved, client=client)
        )
        statuses = collections.Counter(answer.status for answer in answers)
        self.assertEqual(statuses, {200: 1, 409: AT_ONCE - 1})

    def test_of_many_challenges_each_is_spent_once(self):
        solved = [self.solved() for _ in range(10)]
        answers = self.at_once(lambda index, client: self.redeem(solved[index % 10], client=client))
        won = [index % 10 for index, answer in enumerate(answers) if answer.status == 200]
        self.assertEqual(sorted(won), list(range(10)))

    def test_another_solution_of_a_spent_challenge_buys_nothing(self):
        challenge, solution = self.solved()
        self.assertEqual(self.redeem((challenge, solution)).status, 200)
        numbers = protocol.decode(solution)
        state = protocol.round_state(challenge["challenge"], 0)
        limit = bytes.fromhex(challenge["target"])
        numbers[0] += 1
        while protocol.first_eight(state, numbers[0]) > limit:
            numbers[0] += 1
        other = protocol.encode(numbers)
        self.assertIsNone(protocol.verify(challenge, other))
        self.assertNotEqual(other, solution)
        self.check_all_refused([self.redeem((challenge, other))], 409, "already-spent")

    def test_a_wrong_solution_does_not_spend_the_challenge(self):
        challenge, solution = self.solved()
        wrong = protocol.wrong_solution(challenge, solution)
        answers = self.at_once(
            lambda index, client: self.redeem((challenge, wrong), "key" if index % 2 else None, client=client), 20
        )
        self.check_all_refused(answers, 403, "wrong-solution")
        self.assertEqual(self.redeem((challenge, solution)).status, 200)

    def test_another_client_does_not_spend_the_challenge(self):
        solved = self.solved()
        answers = self.at_once(lambda i, client: self.redeem(solved, "key", f"198.18.1.{i}", client), 20)
        for answer in answers:
            self.assertEqual((answer.status, answer.json()["type"]), (403, "urn:tollgate:other-client"))
        self.assertEqual(self.redeem(solved).status, 200)


class LostAnswerTests(SpendTestCase):
    def test_the_same_key_at_once_gets_the_same_pass_once(self):
        solved = self.solved()
        answers = self.at_once(lambda _, client: self.redeem(solved, "the key", client=client))
        self.assertEqual({answer.status for answer in answers}, {200})
        passes = {answer.json()["pass"] for answer in answers}
        self.assertEqual(len(passes), 1)
        self.assertEqual({answer.json()["grants"] for answer in answers}, {GRANTS})
        self.assertEqual(self.remaining(passes.pop()), GRANTS)

    def test_the_same_key_refills_nothing(self):
        solved = self.solved()
        token = self.redeem(solved, "k").json()["pass"]
        for used in range(1, 8):
            self.assertEqual(self.use(token).status, 200)
            again = self.redeem(solved, "k")
            self.assertEqual(again.status, 200)
            self.assertEqual((again.json()["pass"], again.json()["grants"]), (token, GRANTS - used))
            self.assertIn(token, again.header("set-cookie"))
        self.assertEqual(self.remaining(token), GRANTS - 7)
        # Used up, it is the same pass still, with nothing in it.
        self.assertEqual(self.redeem(solved, "k").json()["grants"], 0)
        self.assertEqual(self.use(token).status, 401)

    def test_the_same_key_at_once_with_requests_refills_nothing(self):
        solved = self.solved()
        token = self.redeem(solved, "k").json()["pass"]
        answers = self.at_once(
            lambda index, client: self.redeem(solved, "k", client=client)
            if index % 2
            else client.get("/used", [("X-Forwarded-For", HOME), ("PoW-Pass", token)])
        )
        self.assertEqual({answer.status for answer in answers[1::2]}, {200})
        self.assertEqual({answer.json()["pass"] for answer in answers[1::2]}, {token})
        statuses = collections.Counter(answer.status for answer in answers[0::2])
        self.assertEqual(statuses, {200: GRANTS, 401: AT_ONCE // 2 - GRANTS})

    def test_in_line_the_same_key_charges_each_request_and_refills_nothing(self):
        solved = self.solved()
        answers = self.at_once(lambda _, client: self.in_line(solved, "k", client=client))
        statuses = collections.Counter(answer.status for answer in answers)
        # Each is a request of its own, which the one pass pays for until it is empty.
        self.assertEqual(statuses, {200: GRANTS, 401: AT_ONCE - GRANTS})
        tokens = {answer.header("pow-pass") for answer in answers if answer.status == 200}
        self.assertEqual(len(tokens), 1)
        self.assertEqual(self.upstream.count(), GRANTS)
        self.assertEqual(self.remaining(tokens.pop()), 0)

    def test_a_lost_answer_can_be_had_by_the_other_way(self):
        solved = self.solved()
        token = self.in_line(solved, "k").header("pow-pass")
        again = self.redeem(solved, "k")
        self.assertEqual((again.json()["pass"], again.json()["grants"]), (token, GRANTS - 1))
        again = self.in_line(solved, "k")
        self.assertEqual((again.status, again.header("pow-pass")), (200, token))
        self.assertEqual(self.remaining(token), GRANTS - 2)

    def test_a_guessed_key_gets_nothing(self):
        solved = self.solved()
        token = self.redeem(solved, "the true key").json()["pass"]
        long = "k" * 256
        guesses = ["", "the true ke", "the true key2", "THE TRUE KEY", "the  true key", "\x00".encode().hex(), "0", long, token]
        guesses += ["%032x" % self.random.getrandbits(128) for _ in range(50)]
        answers = self.at_once(lambda index, client: self.redeem(solved, guesses[index], client=client), len(guesses))
        self.check_all_refused(answers, 409, "already-spent")
        answers = self.at_once(lambda index, client: self.in_line(solved, guesses[index], client=client), len(guesses))
        self.check_all_refused(answers, 409, "already-spent")
        self.check_all_refused([self.redeem(solved), self.in_line(solved)], 409, "already-spent")
        self.assertEqual(self.upstream.count(), 0)
        self.assertEqual(self.redeem(solved, "the true key").json()["grants"], GRANTS)

    def test_what_was_redeemed_without_a_key_cannot_be_had_with_one(self):
        solved = self.solved()
        self.assertEqual(self.redeem(solved).status, 200)
        keys = [None, "", "a", "null", "0" * 32]
        self.check_all_refused([self.redeem(solved, key) for key in keys], 409, "already-spent")

    def test_of_different_keys_at_once_one_wins_and_only_it_can_ask_again(self):
        solved = self.solved()
        answers = self.at_once(lambda index, client: self.redeem(solved, f"key {index}", client=client))
        won = [index for index, answer in enumerate(answers) if answer.status == 200]
        self.assertEqual(len(won), 1)
        again = [self.redeem(solved, f"key {index}") for index in range(AT_ONCE)]
        self.assertEqual([index for index, answer in enumerate(again) if answer.status == 200], won)
        self.assertEqual(again[won[0]].json()["pass"], answers[won[0]].json()["pass"])

    def test_another_client_with_the_key_gets_nothing(self):
        solved = self.solved()
        token = self.redeem(solved, "k").json()["pass"]
        for send in (self.redeem, self.in_line):
            answer = send(solved, "k", "198.18.9.9")
            self.assertEqual((answer.status, answer.json()["type"]), (403, "urn:tollgate:other-client"))
            self.assertNotIn(token, json.dumps(answer.headers) + answer.body.decode())

    def test_the_key_does_not_replace_the_work(self):
        challenge, solution = self.solved()
        self.assertEqual(self.redeem((challenge, solution), "k").status, 200)
        wrong = protocol.wrong_solution(challenge, solution)
        answer = self.redeem((challenge, wrong), "k")
        self.assertEqual((answer.status, answer.json()["type"]), (403, "urn:tollgate:wrong-solution"))

    def test_a_key_belongs_to_its_challenge(self):
        one, two = self.solved(), self.solved()
        first, second = self.redeem(one, "k").json()["pass"], self.redeem(two, "k").json()["pass"]
        self.assertNotEqual(first, second)
        self.assertEqual((self.redeem(one, "k").json()["pass"], self.redeem(two, "k").json()["pass"]), (first, second))

    def test_a_key_that_is_too_long_is_malformed_and_spends_nothing(self):
        solved = self.solved()
        for send in (self.redeem, self.in_line):
            answer = send(solved, "k" * 257)
            self.assertEqual((answer.status, answer.json()["type"]), (400, "urn:tollgate:malformed"))
        self.assertEqual(self.redeem(solved, "k" * 256).status, 200)

    def test_a_key_that_comes_twice_is_no_key_to_guess_with(self):
        """Of two fields one might be taken at the first try and the other at the second."""
        solved = self.solved()
        challenge, solution = solved
        two = [("X-Forwarded-For", HOME), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        answer = protocol.redeem(self.client, challenge, solution, headers=two)
        if answer.status == 200:
            again = [self.redeem(solved, key).status for key in ("a", "b", "a, b")]
            self.assertEqual(sorted(again), [200, 409, 409])
        else:
            self.assertEqual(answer.status, 400)


if __name__ == "__main__":
    unittest.main()
