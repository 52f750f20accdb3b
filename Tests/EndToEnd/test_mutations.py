"""At least 10,000 broken variants of what clients send: none ends the program, none is an error of the server's, none changes anything
beyond what a request of its kind is charged anyway. (What operators write: test_mutated_configurations.py.)

What is broken is made from what is right by random edits from the printed seed. What a request may cost is known before it is sent: the
mutants of tokens, solutions and headers come from clients whose quotas are asked before and after.
"""

import collections
import json
import re
import select
import socket
import unittest

import protocol
from client import Client, Closed, Violation
from harness import parallel
from mutation_case import HOME, WORKERS, MutationTestCase
from mutator import Mutator


class TokenMutationTests(MutationTestCase):
    COUNT = 2_500

    def test_mutated_challenges_and_solutions_redeem_nothing(self):
        mutator = Mutator(self.random)
        issued = [self.challenge() for _ in range(5)]
        solved = [(one["challenge"], protocol.solve(one)) for one in issued]
        items = []
        for index in range(self.COUNT):
            token, solution = solved[index % len(solved)]
            kind = index % 5
            items.append(
                (mutator.text(token), solution)
                if kind == 0
                else (mutator.bits(token), solution)
                if kind == 1
                else (token, self.missing(mutator, issued[index % len(solved)], solution))
                if kind == 2
                else (token, mutator.bits(solution[:40]) + solution[40:] + "AAAA")
                if kind == 3
                else (mutator.text(token), mutator.text(solution))
            )
        key = self.random.choice((None, "k"))
        headers = [("X-Forwarded-For", HOME)]

        def send(client, item):
            challenge = {"challenge": item[0]}
            return protocol.redeem(client, challenge, item[1], key, headers)

        self.share(items, send)
        self.assertEqual(set(self.statuses) - {400, 403, 410, 413}, set(), self.statuses)
        self.assertEqual(self.upstream.count(), 0)
        # None of it has spent any of the challenges, in a way that one could see or that the ledger would know.
        for one, (token, solution) in zip(issued, solved):
            self.assertEqual(protocol.redeem(self.client, one, solution, headers=headers).status, 200)

    def missing(self, mutator, challenge, solution):
        """A well-formed solution that misses."""
        while True:
            mutated = mutator.text(solution)
            try:
                if len(protocol.decode(mutated)) == 4 and protocol.verify(challenge, mutated) is None:
                    continue
            except Exception:
                pass
            return mutated

    def still_shows(self, item, token):
        """Whether what was edited is still the token, with something beside it: white space, the next of a list, the next cookie."""
        return token in re.split(r"[,; \t]", item)

    def test_mutated_passes_pay_nothing_and_cost_what_a_request_without_one_costs(self):
        mutator = Mutator(self.random)
        challenge = self.challenge("api")
        token = protocol.redeem(self.client, challenge, protocol.solve(challenge), headers=[("X-Forwarded-For", HOME)]).json()["pass"]
        shown = [("PoW-Pass", token)]
        pass_before, free_before = self.left("pass", headers=shown), self.left("free")
        items = [mutator.text(token) if index % 2 else mutator.bits(token) for index in range(self.COUNT)]
        items = [item for item in items if not self.still_shows(item, token)]

        def send(client, item):
            if self.hash(item) % 2:
                fields = [("PoW-Pass", item)]
            else:
                fields = [("Cookie", f"a=b; tollgate_api={item}; c=d")]
            return client.get("/api/x", [("X-Forwarded-For", HOME), *fields])

        before = self.upstream.count()
        self.share(items, send)
        self.assertEqual(self.statuses, {200: len(items)})
        self.assertEqual(self.upstream.count() - before, len(items))
        self.assertEqual(self.left("free"), free_before - len(items) - 1)
        self.assertEqual(self.left("pass", headers=shown), pass_before - 1)

    def test_mutated_passes_do_not_pay_where_nothing_is_free(self):
        mutator = Mutator(self.random)
        challenge = self.challenge()
        token = protocol.redeem(self.client, challenge, protocol.solve(challenge), headers=[("X-Forwarded-For", HOME)]).json()["pass"]
        pass_before = self.left("pass", "/paid/x", [("PoW-Pass", token)])
        items = [mutator.text(token) if index % 2 else mutator.bits(token) for index in range(self.COUNT // 2)]
        items = [item for item in items if not self.still_shows(item, token)]
        before = self.upstream.count()
        self.share(items, lambda client, item: client.get("/paid/x", [("X-Forwarded-For", HOME), ("PoW-Pass", item)]))
        self.assertEqual(self.statuses, {401: len(items)})
        self.assertEqual(self.upstream.count(), before)
        self.assertEqual(self.left("pass", "/paid/x", [("PoW-Pass", token)]), pass_before - 1)

    def test_mutated_solutions_in_line_redeem_and_charge_nothing(self):
        mutator = Mutator(self.random)
        one = self.challenge("api")
        solution = protocol.solve(one)
        line = f"{one['challenge']}.{solution}"
        free_before = self.left("free")
        items = []
        while len(items) < self.COUNT // 2:
            # White space around a field's value is no part of it.
            head, dot, tail = mutator.text(line).strip(" \t").partition(".")
            if head == one["challenge"]:
                tail = self.missing(mutator, one, solution)
            items.append(head + dot + tail)
        before = self.upstream.count()
        self.share(items, lambda client, item: client.get("/api/x", [("X-Forwarded-For", HOME), ("PoW-Solution", item)]))
        self.assertEqual(set(self.statuses) - {400, 403, 410}, set(), self.statuses)
        self.assertEqual(self.upstream.count(), before)
        self.assertEqual(self.left("free"), free_before - 1)
        self.assertEqual(protocol.redeem(self.client, one, solution, headers=[("X-Forwarded-For", HOME)]).status, 200)

    def test_mutated_bodies_redeem_nothing(self):
        mutator = Mutator(self.random)
        one = self.challenge()
        solution = protocol.solve(one)
        good_json = json.dumps({"challenge": one["challenge"], "solution": solution}).encode()
        good_form = f"challenge={one['challenge']}&solution={solution}".encode()
        items = []
        for index in range(self.COUNT // 2):
            body = mutator.bytes(good_form if index % 2 else good_json)
            if not self.still_solves(body, one):
                items.append((body, index % 2))
        types = ("application/json", "application/x-www-form-urlencoded")
        self.share(
            items,
            lambda client, item: client.post(
                protocol.REDEEM, item[0], [("X-Forwarded-For", HOME), ("Content-Type", types[item[1]])]
            ),
        )
        self.assertEqual(set(self.statuses) - {400, 403, 410}, set(), self.statuses)
        self.assertEqual(protocol.redeem(self.client, one, solution, headers=[("X-Forwarded-For", HOME)]).status, 200)

    @staticmethod
    def still_solves(body, challenge):
        """Whether an edit of white space, of another member, or to another number that hits has left the body with a solution."""
        text = body.decode("latin-1")
        words = re.findall("[A-Za-z0-9_-]+", text)
        solutions = (word for word in words if len(word) == len(protocol.encode([0] * challenge["rounds"])))
        return challenge["challenge"] in words and any(protocol.verify(challenge, word) is None for word in solutions)

    @staticmethod
    def hash(text):
        return sum(text.encode("latin-1", "replace"))


class MessageMutationTests(MutationTestCase):
    COUNT = 4_000

    def test_mutated_messages_are_answered_or_refused(self):
        """Whole messages, byte for byte: head and body, form and content."""
        mutator = Mutator(self.random)
        one = self.challenge()
        body = json.dumps({"challenge": one["challenge"], "solution": "A" * 43}).encode()
        common = "Host: a.example\r\nX-Forwarded-For: 198.18.7.7\r\nAccept: */*\r\n".encode()
        seeds = [
            b"GET /free/a/b?c=d HTTP/1.1\r\n" + common + b"Cookie: a=b; tollgate_paid=x; c=d\r\n\r\n",
            b"GET /paid/%41/../x HTTP/1.1\r\n" + common + b"PoW-Pass: AQ\r\nPoW-Solution: A.B\r\nSec-Fetch-Dest: document\r\n\r\n",
            b"POST /free/x HTTP/1.1\r\n" + common + b"Content-Length: 10\r\nContent-Type: text/plain\r\n\r\n0123456789",
            b"POST /free/x HTTP/1.1\r\n" + common + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\n01234\r\n5\r\n56789\r\n0\r\nX-T: u\r\n\r\n",
            b"POST /.well-known/tollgate/redeem HTTP/1.1\r\n" + common
            + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
            b"GET /.well-known/tollgate/challenge?policy=paid HTTP/1.1\r\n" + common + b"Forwarded: for=1.1.1.1\r\nTE: trailers\r\n\r\n",
            b"HEAD http://a.example/free/x HTTP/1.1\r\n" + common + b"Connection: keep-alive, X-A\r\nX-A: b\r\nRange: bytes=0-1\r\n\r\n",
            b"OPTIONS /paid/x HTTP/1.0\r\n" + common + b"Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n\r\n",
            b"PUT /free/x HTTP/1.1\r\n" + common + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbody",
            b"GET /free/x HTTP/1.1\r\n" + common + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        ]  # fmt: skip
        items = [mutator.bytes(self.random.choice(seeds)) for _ in range(self.COUNT)]
        workers = 2 * WORKERS

        def run(index):
            outcomes = collections.Counter()
            for data in items[index::workers]:
                outcomes.update(self.send(data))
            return outcomes

        for outcomes in parallel(workers, run):
            self.statuses += outcomes
        allowed = {200, 400, 401, 403, 404, 405, 408, 410, 411, 413, 414, 415, 417, 429, 431, 501, 505, "closed"}
        self.assertEqual(set(self.statuses) - allowed, set(), self.statuses)
        # Mutants that still work are the ones that reach the depths.
        mutants = [request for request in self.upstream.take() if request.path != "/free/last"]
        self.assertGreater(len(mutants), self.COUNT // 20)
        self.assertGreater(self.statuses[400], self.COUNT // 20)

    # Follows each mutant: where that has left the connection in order, it ends it.
    LAST = b"GET /free/last HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"

    def send(self, data):
        """The statuses of all responses to these bytes, "closed" where the connection ended without one more."""
        statuses = []
        client = Client(self.gateway.address)
        try:
            client.send(data + self.LAST)
            while client.socket is not None:
                # Whoever waits for more of a message than there is gets the end of the connection instead.
                client.socket.settimeout(30 if client.buffer or self.has_bytes(client) else 0.3)
                try:
                    response = self.read(client, data)
                except TimeoutError:
                    client.socket.settimeout(30)
                    client.socket.shutdown(socket.SHUT_WR)
                    response = self.read(client, data)
                statuses.append(response.status)
        except (Closed, ConnectionResetError, BrokenPipeError):
            statuses.append("closed")
        finally:
            client.close()
        return statuses

    @staticmethod
    def has_bytes(client):
        return bool(select.select([client.socket], [], [], 0)[0])

    def read(self, client, data):
        """A response. Those to HEAD have no body, and only who has read the request as the server did knows which ones those are."""
        method = "HEAD" if data.startswith(b"HEAD ") else "GET"
        try:
            return client.read_response(method)
        except Violation as violation:
            if b"HEAD" in data:
                raise Closed() from None
            raise AssertionError(f"{violation} for {data!r}") from violation

    def test_mutated_paths_and_fields_of_one_client_are_charged_as_requests(self):
        """What reaches the policy is charged one unit, whatever else is odd about it; what does not is charged nothing."""
        mutator = Mutator(self.random)
        free_before = self.left("free")
        names = ["Accept", "Cookie", "PoW-Pass", "User-Agent", "Sec-Fetch-Dest", "Range", "If-None-Match", "Via", "Connection", "TE",
                 "Origin", "Idempotency-Key", "PoW-Idempotency-Key", "X-Request-Id", "X-Forwarded-Proto", "X-Forwarded-Host", "Purpose"]  # fmt: skip
        clean = lambda data: data.translate(None, b"\r\n\0").decode("latin-1")
        # What might change whom the request is from, or end the connection, is for the other tests.
        items = []
        for _ in range(self.COUNT // 2):
            path = clean(mutator.bytes(b"/api/a/./b%2Fc/../d;e?f=g&h=%20")).replace(" ", "")
            fields = [(self.random.choice(names), clean(mutator.bytes(b"text/html, a=b; tollgate_api=x"))) for _ in range(3)]
            fields = [(name, value) for name, value in fields if "upgrade" not in value.lower()]
            items.append((path or "/", fields))
        before = self.upstream.count()
        counted = collections.Counter()

        def send(client, item):
            answer = client.get(item[0], [("X-Forwarded-For", HOME), *item[1]])
            counted["counted" if answer.header("ratelimit") else "not"] += 1
            return answer

        self.share(items, send)
        self.assertEqual(set(self.statuses) - {200, 400, 404}, set(), self.statuses)
        self.assertGreater(self.statuses[200], len(items) // 40)
        arrived = self.upstream.count() - before
        self.assertEqual((arrived, counted["counted"]), (self.statuses[200],) * 2)
        self.assertEqual(self.left("free"), free_before - arrived - 1)


if __name__ == "__main__":
    unittest.main()
