"""At least 10,000 broken variants of what clients send, and some of what operators write: none ends the program, none is an error of
the server's, none changes anything beyond what a request of its kind is charged anyway.

What is broken is made from what is right by random edits from the printed seed. What a request may cost is known before it is sent: the
mutants of tokens, solutions and headers come from clients whose quotas are asked before and after.
"""

import base64
import collections
import json
import os
import re
import select
import socket
import subprocess
import tempfile
import textwrap
import unittest

import protocol
from client import Client, Closed, Violation
from harness import BINARY, TestCase, parallel

CONFIG = """
    upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
    probes: {{ address: "127.0.0.1:0" }}
    limits: {{ headerTimeout: 2s, bodyIdleTimeout: 2s }}
    routes:
      - {{ name: free, match: {{ path: "/free/*" }}, upstream: app, allow: true }}
      - {{ name: api, match: {{ path: "/api/*" }}, upstream: app, policy: api }}
      - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
    policies:
      api: {{ preset: api, free: [{{ rate: 1/hour, burst: 100000 }}, {{ key: all, rate: 1/hour, burst: 1000000 }}], ceiling: off,
             work: {{ difficulty: 64, rounds: 4, grants: 1000000 }} }}
      paid: {{ preset: api, free: {{ rate: 0 }}, ceiling: off, work: {{ difficulty: 64, rounds: 4, grants: 1000000, ttl: 1h, challengeTtl: 1h }} }}
"""
WORKERS = 8
HOME = "198.18.0.1"


class Mutator:
    """Random edits of text and bytes."""

    ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # Bytes that end, divide, quote or hide things somewhere.
    AWKWARD = [bytes([value]) for value in b"\0\t\n\r \"%&'()*+,./:;<=>?@[\\]^`{|}~\x7f\x80\xc0\xff"] + [
        b"\r\n", b"\r\n\r\n", b"%00", b"%2e%2e%2f", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
    ]  # fmt: skip

    def __init__(self, random):
        self.random = random

    def text(self, text):
        """One to three edits of base64url text, never the text itself."""
        random, result = self.random, text
        while result == text:
            for _ in range(random.choice((1, 1, 2, 3))):
                result = self._edit(result)
        return result

    def _edit(self, text):
        random = self.random
        at = random.randrange(len(text) + 1)
        kind = random.randrange(9)
        if kind == 0 and text:
            at %= len(text)
            return text[:at] + random.choice(self.ALPHABET) + text[at + 1 :]
        if kind == 1:
            return text[:at] + random.choice(self.ALPHABET) * random.choice((1, 1, 2, 4)) + text[at:]
        if kind == 2:
            return text[:at] + text[at + random.choice((1, 1, 2, 4)) :]
        if kind == 3 and len(text) > 1:
            other = random.randrange(len(text))
            letters = list(text)
            at %= len(text)
            letters[at], letters[other] = letters[other], letters[at]
            return "".join(letters)
        if kind == 4 and len(text) > 4:
            return self.bits(text)
        if kind == 5:
            return text[at:] + text[:at]
        if kind == 6:
            return text[:at] + random.choice("+/= .\"\\{}%&;,\t*") + text[at + random.randrange(2) :]
        if kind == 7:
            return text * random.choice((0, 2, 5))
        return "".join(random.choices(self.ALPHABET, k=random.choice((1, 96, 112, len(text), 511, 512, 513))))

    def bits(self, text):
        """The text of the same length whose bytes differ in one to four bits: well-formed, but not authentic."""
        padded = re.sub(r"[^A-Za-z0-9_-]", "A", text)
        data = bytearray(base64.urlsafe_b64decode(padded[: len(padded) // 4 * 4] or "AAAA"))
        # Different ones, or two might undo each other.
        for bit in self.random.sample(range(len(data) * 8), self.random.choice((1, 1, 1, 2, 4))):
            data[bit // 8] ^= 1 << bit % 8
        return base64.urlsafe_b64encode(bytes(data)).decode("ascii")

    def bytes(self, data):
        """One to four edits of bytes, also of those that give a message its form."""
        random, result = self.random, data
        while result == data:
            for _ in range(random.choice((1, 1, 2, 4))):
                at = random.randrange(len(result) + 1)
                kind = random.randrange(6)
                if kind == 0 and result:
                    at %= len(result)
                    result = result[:at] + bytes([result[at] ^ 1 << random.randrange(8)]) + result[at + 1 :]
                elif kind == 1:
                    result = result[:at] + random.choice(self.AWKWARD) + result[at:]
                elif kind == 2:
                    result = result[:at] + result[at + random.choice((1, 1, 3, 20)) :]
                elif kind == 3:
                    result = result[:at] + random.choice(self.AWKWARD) + result[at + 1 :]
                elif kind == 4:
                    end = min(len(result), at + random.randrange(1, 40))
                    result = result[:end] + result[at:end] * random.choice((1, 1, 3)) + result[end:]
                else:
                    result = result[:at] + bytes(random.randrange(256) for _ in range(random.randrange(1, 12))) + result[at:]
        return result


class MutationTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.upstream = self.start_upstream()
        self.gateway = self.start_gateway(CONFIG.format(upstream=self.upstream.authority))
        self.client = self.connect(self.gateway)
        self.statuses = collections.Counter()

    def tearDown(self):
        self.assertTrue(self.gateway.is_running(), list(self.gateway.lines)[-10:])
        # Nothing of what has come is worth more than a debug message, and none of it an alarm.
        alarms = [line for line in self.gateway.lines if line.get("level") in ("error", "critical")]
        self.assertEqual(alarms, [])
        with Client(self.gateway.probes) as probe:
            self.assertEqual((probe.get("/healthz").status, probe.get("/readyz").status), (200, 200))

    def challenge(self, policy="paid", address=HOME, client=None):
        headers = [("X-Forwarded-For", address)]
        return (client or self.client).get(f"{protocol.CHALLENGE}?policy={policy}", headers).json()

    def left(self, name, path="/api/x", headers=()):
        """What the RateLimit field says is left, after a request that costs one."""
        answer = self.client.get(path, [("X-Forwarded-For", HOME), *headers])
        self.assertEqual(answer.status, 200, answer)
        return int(re.search(rf'"{name}";r=([0-9]+)', answer.header("ratelimit")).group(1))

    def share(self, items, send):
        """`send(client, item)` for each, from kept connections; counts the statuses."""

        def run(worker):
            count = collections.Counter()
            with Client(self.gateway.address) as client:
                for item in items[worker::WORKERS]:
                    try:
                        status = send(client, item).status
                    except (Violation, Closed, ConnectionResetError) as error:
                        raise AssertionError(f"{type(error).__name__} {error} for {item!r}") from error
                    if not status < 500:
                        raise AssertionError(f"{status} for {item!r}")
                    count[status] += 1
            return count

        for count in parallel(WORKERS, run):
            self.statuses += count
        return self.statuses


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
        self.assertEqual(set(self.statuses) - {400, 403, 410}, set(), self.statuses)
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

    def test_mutated_passes_pay_nothing_and_cost_what_a_request_without_one_costs(self):
        mutator = Mutator(self.random)
        challenge = self.challenge("api")
        token = protocol.redeem(self.client, challenge, protocol.solve(challenge), headers=[("X-Forwarded-For", HOME)]).json()["pass"]
        shown = [("PoW-Pass", token)]
        pass_before, free_before = self.left("pass", headers=shown), self.left("free")
        items = [mutator.text(token) if index % 2 else mutator.bits(token) for index in range(self.COUNT)]
        items = [item for item in items if item.strip(" \t") != token]

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
        items = [item for item in items if item.strip(" \t") != token]
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
            b"POST /.well-known/tollgate/redeem HTTP/1.1\r\n" + common + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
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


class ConfigurationMutationTests(TestCase):
    COUNT = 100
    FILE = """
        node: { name: a }
        listeners:
          - address: "127.0.0.1:8080"
            client: { from: x-forwarded-for, trusted: [loopback, "10.0.0.0/8"] }
        probes: { address: "127.0.0.1:9464" }
        upstreams:
          app: { servers: ["127.0.0.1:3000"], connectTimeout: 5s }
        routes:
          - { name: robots, match: { path: "/robots.txt" }, upstream: app, allow: true }
          - { name: banned, match: { clients: ["192.0.2.0/24"] }, deny: true }
          - { name: api, match: { host: api.example.com, path: "/v1/*", methods: [GET, POST], headers: { User-Agent: "*" },
                                  not: { path: "/v1/open/*" } }, upstream: app, policy: api, cost: 1 }
        policies:
          api:
            preset: api
            clientPrefix: { ipv4: 32, ipv6: 64 }
            free:
              - { rate: 60/min, burst: 20 }
              - { key: "client/24,/48", rate: 600/min }
              - { key: "header:X-Api-Key", rate: 100/min }
              - { key: all, rate: 50000/min }
            work: { difficulty: 16000000, rounds: 16, grants: 100, ttl: 10m, challengeTtl: 5m, bind: client }
            ceiling: { rate: 1000/min, burst: 100 }
            page: { title: "One moment", text: "…", status: 429 }
        log: { level: info, format: json }
    """
    ODD = ["~", "null", "[]", "{}", "-1", "0", "1e99", "99999999999999999999", "0x10", "true", "''", '"', "&a", "*a", "!!int", "|", ">", "? x", "- -",
           "%", "\t", "<<: *a", "---", "...", "#", "{{{{", "]]]]", "60/0s", "0/min", "1/ns", "::", "/33", "\\", "\u00e9", "\u202e", "  ", "\n", "a: b"]  # fmt: skip

    def mutated(self, text):
        random = self.random
        for _ in range(random.choice((1, 1, 2, 4))):
            kind = random.randrange(6)
            if kind == 0:
                words = list(re.finditer(r"[A-Za-z0-9./:*\"-]+", text))
                word = random.choice(words)
                text = text[: word.start()] + random.choice(self.ODD) + text[word.end() :]
            elif kind == 1:
                at = random.randrange(len(text))
                text = text[:at] + random.choice(self.ODD) + text[at:]
            elif kind == 2:
                lines = text.split("\n")
                lines.insert(random.randrange(len(lines)), random.choice(lines))
                text = "\n".join(lines)
            elif kind == 3:
                lines = text.split("\n")
                del lines[random.randrange(len(lines))]
                text = "\n".join(lines)
            elif kind == 4:
                at = random.randrange(len(text))
                text = text[:at] + text[at + random.randrange(1, 30) :]
            else:
                numbers = list(re.finditer(r"[0-9]+", text))
                if numbers:
                    number = random.choice(numbers)
                    value = random.choice(("0", "-1", "1", "65536", str(2**31), str(2**63), str(2**64), "1" * 40, "1.5", "007"))
                    text = text[: number.start()] + value + text[number.end() :]
        return text

    def validate(self, data, path):
        with open(path, "wb") as file:
            file.write(data)
        return subprocess.run([BINARY, "validate", "--config", path], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)

    def test_mutated_configurations_hold_or_are_explained(self):
        good = textwrap.dedent(self.FILE)
        texts = [self.mutated(good).encode("utf-8", "surrogatepass") for _ in range(self.COUNT)]
        # Bytes that are no text, and files that are no file of ours.
        mutator = Mutator(self.random)
        texts += [mutator.bytes(good.encode()) for _ in range(self.COUNT // 4)]
        texts += [b"", b"\0", b"\xff\xfe", b"a" * 100_000, b"[" * 20_000, b"a: " * 5_000, b"- " * 20_000, b"{a: " * 5_000, b"*x", b"&a [*a]",
                  b"\xef\xbb\xbf" + good.encode(), b"x: &x [" + b"y," * 1000 + b"]\nz: [" + b"*x," * 1000 + b"]", b"upstream: http://h:1\n" * 2]  # fmt: skip
        outcomes = collections.Counter()
        with tempfile.TemporaryDirectory(prefix="tollgate-test-") as folder:
            path = lambda index: os.path.join(folder, f"{index}.yaml")
            self.assertEqual(self.validate(good.encode(), path("good")).returncode, 0)

            def run(index):
                result = self.validate(texts[index], path(index))
                self.check(texts[index], result, path(index))
                outcomes[result.returncode] += 1

            parallel(len(texts), run, workers=2)
        self.assertGreater(outcomes[1], self.COUNT // 4, outcomes)
        self.assertGreater(outcomes[0], 5, outcomes)

    def check(self, text, result, path):
        output = (result.stdout + result.stderr).decode("utf-8")
        self.assertIn(result.returncode, (0, 1), (text, output[-2_000:]))
        if result.returncode == 1:
            # Each error names its place in the file, and there is at least one.
            self.assertRegex(output, re.escape(path) + r"(:[0-9]+(:[0-9]+)?)?: ", text)
        else:
            self.assertIn("holds", output, text)


if __name__ == "__main__":
    unittest.main()
