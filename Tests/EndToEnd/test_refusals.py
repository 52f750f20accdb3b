"""Every refusal that one node can give, over HTTP: its status, type and header fields; each also while 200 other requests run."""

import asyncio
import base64
import json
import threading
import unittest

import protocol
from client import Client
from harness import TestCase, parallel

CONFIG = """
    upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
    routes:
      - {{ name: busy, match: {{ path: "/busy/*" }}, upstream: app, policy: busy }}
      - {{ name: banned, match: {{ path: "/banned/*" }}, deny: true }}
      - {{ name: api, match: {{ path: "/api/*" }}, upstream: app, policy: api }}
      - {{ name: site, match: {{ path: "/site/*" }}, upstream: app, policy: site }}
      - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
      - {{ name: capped, match: {{ path: "/capped/*" }}, upstream: app, policy: capped }}
      - {{ name: brief, match: {{ path: "/brief/*" }}, upstream: app, policy: brief }}
      - {{ name: idle, match: {{ path: "/idle/*" }}, upstream: app, policy: idle }}
    policies:
      busy: {{ preset: api, free: {{ rate: 1000000/min, burst: 1000000 }}, ceiling: off, work: off, onQuorumLoss: deny }}
      api: {{ preset: api, free: {{ rate: 60/hour, burst: 2 }}, ceiling: {{ rate: 1000/min, burst: 1000 }},
             work: {{ difficulty: 512, rounds: 4, grants: 7 }} }}
      site: {{ preset: site, reserve: 0, free: {{ rate: 1/day, burst: 1 }}, work: {{ difficulty: 512, rounds: 4 }},
              page: {{ title: "A <title>", text: "A text", contact: "ops@example.com", status: 503 }} }}
      paid: {{ preset: api, free: {{ rate: 0 }}, ceiling: off, work: {{ difficulty: 256, rounds: 2, grants: 3 }} }}
      capped: {{ preset: api, free: {{ rate: 1/hour, burst: 2 }}, ceiling: {{ rate: 1/hour, burst: 4 }},
                work: {{ difficulty: 256, rounds: 2, grants: 50 }} }}
      brief: {{ preset: api, free: {{ rate: 0 }}, work: {{ difficulty: 256, rounds: 2, challengeTtl: 1s }} }}
      idle: {{ preset: api, free: {{ rate: 1/hour }}, work: off, onQuorumLoss: deny }}
"""


def json_body(value):
    return json.dumps(value).encode()


def flipped(token, byte, bit=0):
    """The token with one bit of its decoded bytes turned over."""
    data = bytearray(base64.urlsafe_b64decode(token))
    data[byte] ^= 1 << bit
    return base64.urlsafe_b64encode(bytes(data)).decode("ascii")


class Provoker:
    """Provokes each refusal, for a client address that nobody has used before."""

    def __init__(self, gateway, source_number):
        self.gateway = gateway
        self.client = Client(gateway.address)
        self.address = f"198.18.{source_number >> 8 & 255}.{source_number & 255}"
        self.other = f"198.19.{source_number >> 8 & 255}.{source_number & 255}"

    def headers(self, *more, other=False):
        return [("X-Forwarded-For", self.other if other else self.address), *more]

    def get(self, target, *more, other=False):
        return self.client.get(target, self.headers(*more, other=other))

    def challenge(self, policy="api"):
        answer = self.get(f"{protocol.CHALLENGE}?policy={policy}")
        assert answer.status == 200, answer
        assert answer.header("cache-control") == "no-store", answer
        assert answer.header("content-type") == "application/json", answer
        return answer.json()

    def post(self, body, content_type="application/json", other=False):
        headers = self.headers(other=other)
        if content_type is not None:
            headers.append(("Content-Type", content_type))
        return self.client.post(protocol.REDEEM, body, headers)

    def redeem(self, token, solution, other=False, inline=None):
        """At the endpoint, or in line with a request to the path `inline`."""
        if inline:
            return self.get(inline, ("PoW-Solution", f"{token}.{solution}"), other=other)
        return self.post(json_body({"challenge": token, "solution": solution}), other=other)

    # The rows of the table, in its order.

    def work_required(self):
        for _ in range(2):
            answer = self.get("/api/x")
            assert answer.status == 200, answer
        return self.get("/api/x")

    def work_required_of_all(self):
        return self.get("/paid/x")

    def over_ceiling_free(self):
        """With a pass of 50 grants, four requests are all that the ceiling leaves."""
        challenge = self.challenge("capped")
        answer = self.redeem(challenge["challenge"], protocol.solve(challenge))
        pass_header = ("PoW-Pass", answer.json()["pass"])
        for _ in range(4):
            answer = self.get("/capped/x", pass_header)
            assert answer.status == 200, answer
        return self.get("/capped/x", pass_header)

    def over_limit_without_work(self):
        assert self.get("/idle/x").status == 200
        return self.get("/idle/x")

    def wrong_round(self, inline=None):
        challenge = self.challenge()
        at = 1  # not the first round: all are looked at
        wrong = protocol.wrong_solution(challenge, protocol.solve(challenge), at)
        return self.redeem(challenge["challenge"], wrong, inline=inline)

    def not_authentic(self, byte=83, inline=None):
        challenge = self.challenge()
        return self.redeem(flipped(challenge["challenge"], byte), protocol.solve(challenge), inline=inline)

    def other_client(self, inline=None):
        challenge = self.challenge()
        return self.redeem(challenge["challenge"], protocol.solve(challenge), other=True, inline=inline)

    def unknown_epoch(self, inline=None):
        challenge = self.challenge()
        return self.redeem(flipped(challenge["challenge"], 2, 6), protocol.solve(challenge), inline=inline)

    def too_old(self, inline=None):
        challenge = self.challenge("brief")
        # A wrong solution is 403 as long as the challenge lives, for expiry is looked at before the work.
        wrong = protocol.wrong_solution(challenge, protocol.solve(challenge))
        pause = threading.Event()
        for _ in range(600):
            answer = self.redeem(challenge["challenge"], wrong, inline=inline)
            if answer.status != 403:
                return answer
            pause.wait(0.05)
        raise AssertionError("a challenge that lives a second has not expired")

    def already_spent(self, inline=None):
        challenge = self.challenge()
        solution = protocol.solve(challenge)
        answer = self.redeem(challenge["challenge"], solution, inline=inline)
        assert answer.status == 200, answer
        return self.redeem(challenge["challenge"], solution, inline=inline)

    def malformed(self, case, inline=None):
        challenge = self.challenge()
        token, solution = challenge["challenge"], protocol.solve(challenge)
        token, solution = case(token, solution)
        return self.redeem(token, solution, inline=inline)

    def malformed_body(self, case):
        challenge = self.challenge()
        return self.post(case(challenge["challenge"], protocol.solve(challenge)))


MALFORMED_PARTS = {
    "token not base64url": lambda token, solution: (token[:-1] + "*", solution),
    "token with padding": lambda token, solution: (token + "==", solution),
    "token in the other base64": lambda token, solution: (token[:50] + "+/" + token[52:], solution),
    "token too short": lambda token, solution: (token[:-4], solution),
    "token too long": lambda token, solution: (token + "AAAA", solution),
    "token one too long": lambda token, solution: (token + "A", solution),
    "token of 513 characters": lambda token, solution: (token + "A" * (513 - len(token)), solution),
    "token empty": lambda token, solution: ("", solution),
    "token of version 2": lambda token, solution: (flipped(flipped(token, 0, 0), 0, 1), solution),
    "token of version 0": lambda token, solution: (flipped(token, 0, 0), solution),
    "token of another type": lambda token, solution: (flipped(token, 1, 4), solution),
    "solution not base64url": lambda token, solution: (token, "*" + solution[1:]),
    "solution with padding": lambda token, solution: (token, solution + "="),
    "solution of a round less": lambda token, solution: (token, protocol.encode(protocol.decode(solution)[:-1])),
    "solution of a round more": lambda token, solution: (token, protocol.encode(protocol.decode(solution) + [0])),
    "solution a byte short": lambda token, solution: (token, solution[:-2]),
    "solution empty": lambda token, solution: (token, ""),
    # 32 bytes are 43 characters, whose last has two spare bits: only 0 is canonical.
    "solution not canonical": lambda token, solution: (token, solution[:-1] + chr(ord(solution[-1]) + 1)),
    "solution of 65 rounds": lambda token, solution: (token, protocol.encode([0] * 65)),
}


MALFORMED_BODIES = {
    "no JSON": lambda token, solution: b"challenge",
    "nothing": lambda token, solution: b"",
    "JSON without an end": lambda token, solution: json_body({"challenge": token, "solution": solution})[:-1],
    "trailing bytes": lambda token, solution: json_body({"challenge": token, "solution": solution}) + b"x",
    "two objects": lambda token, solution: json_body({"challenge": token, "solution": solution}) * 2,
    "an array": lambda token, solution: json_body([token, solution]),
    "a member missing": lambda token, solution: json_body({"challenge": token}),
    "a number": lambda token, solution: json_body({"challenge": token, "solution": 7}),
    "null": lambda token, solution: json_body({"challenge": None, "solution": solution}),
    "a member twice": lambda token, solution: (
        b'{"challenge":"%s","solution":"%s","solution":"%s"}' % ((token.encode(),) + (solution.encode(),) * 2)
    ),
    "not UTF-8": lambda token, solution: json_body({"challenge": token, "solution": solution}).replace(b"AA", b"\xff\xfe", 1)
    + b"\xff",
    "a NUL": lambda token, solution: json_body({"challenge": token + "\0", "solution": solution}),
    "a deep array": lambda token, solution: b"[" * 4_000,
}


def solved_form(provoker):
    challenge = provoker.challenge()
    return f"challenge={challenge['challenge']}&solution={protocol.solve(challenge)}".encode()


# name: (provoke, status, type)
TABLE = {
    "over the free limits": (Provoker.work_required, 429, "work-required"),
    "where nothing is free": (Provoker.work_required_of_all, 401, "work-required"),
    "over the ceiling with a pass": (Provoker.over_ceiling_free, 429, "over-limit"),
    "over the free limits where no work helps": (Provoker.over_limit_without_work, 429, "over-limit"),
    "a body of 8 KiB": (lambda p: p.post(b" " * 8_192), 400, "malformed"),
    "a body above 8 KiB": (lambda p: p.post(b" " * 8_193), 413, "too-large"),
    "a chunked body above 8 KiB": (
        lambda p: p.client.request(
            "POST",
            protocol.REDEEM,
            p.headers(("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")),
            b"1001\r\n" + b" " * 4_097 + b"\r\n" + b"1001\r\n" + b" " * 4_097 + b"\r\n0\r\n\r\n",
        ),
        413,
        "too-large",
    ),
    "text/plain": (lambda p: p.post(solved_form(p), "text/plain"), 415, "unsupported-media-type"),
    "multipart": (lambda p: p.post(solved_form(p), "multipart/form-data"), 415, "unsupported-media-type"),
    "no media type": (lambda p: p.post(solved_form(p), None), 415, "unsupported-media-type"),
    "GET redeem": (lambda p: p.get(protocol.REDEEM), 405, "method-not-allowed"),
    "PUT redeem": (lambda p: p.client.request("PUT", protocol.REDEEM, p.headers(), b"{}"), 405, "method-not-allowed"),
    "POST challenge": (
        lambda p: p.client.post(f"{protocol.CHALLENGE}?policy=api", b"", p.headers()),
        405,
        "method-not-allowed",
    ),
    "a policy that is not there": (lambda p: p.get(f"{protocol.CHALLENGE}?policy=nobody"), 404, "unknown-policy"),
    "no policy, where there are several": (lambda p: p.get(protocol.CHALLENGE), 404, "unknown-policy"),
    "a policy without work": (lambda p: p.get(f"{protocol.CHALLENGE}?policy=idle"), 404, "unknown-policy"),
    "an endpoint that is not there": (lambda p: p.get(protocol.BASE + "nothing"), 404, "no-route"),
    "a round that misses": (Provoker.wrong_round, 403, "wrong-solution"),
    "another's tag": (Provoker.not_authentic, 403, "wrong-solution"),
    "another policy's number": (lambda p: p.not_authentic(9), 403, "wrong-solution"),
    "another binding": (lambda p: p.not_authentic(15), 403, "wrong-solution"),
    "another target": (lambda p: p.not_authentic(32), 403, "wrong-solution"),
    "more grants": (lambda p: p.not_authentic(42), 403, "wrong-solution"),
    "another client": (Provoker.other_client, 403, "other-client"),
    "an epoch that is not kept": (Provoker.unknown_epoch, 410, "expired"),
    "too old": (Provoker.too_old, 410, "expired"),
    "spent": (Provoker.already_spent, 409, "already-spent"),
    "a denied route": (lambda p: p.get("/banned/x"), 403, "denied"),
    "no route": (lambda p: p.get("/nowhere"), 404, "no-route"),
    "in line: a round that misses": (lambda p: p.wrong_round("/api/x"), 403, "wrong-solution"),
    "in line: another's tag": (lambda p: p.not_authentic(inline="/api/x"), 403, "wrong-solution"),
    "in line: another client": (lambda p: p.other_client("/api/x"), 403, "other-client"),
    "in line: an epoch that is not kept": (lambda p: p.unknown_epoch("/api/x"), 410, "expired"),
    "in line: too old": (lambda p: p.too_old("/brief/x"), 410, "expired"),
    "in line: spent": (lambda p: p.already_spent("/api/x"), 409, "already-spent"),
    "in line: no dot": (lambda p: p.get("/api/x", ("PoW-Solution", "A" * 112)), 400, "malformed"),
    "in line: empty": (lambda p: p.get("/api/x", ("PoW-Solution", "")), 400, "malformed"),
    "in line: two": (lambda p: p.get("/api/x", ("PoW-Solution", "A.B"), ("PoW-Solution", "A.B")), 400, "malformed"),
    "in line: too long": (lambda p: p.get("/api/x", ("PoW-Solution", "A." + "A" * 4_000)), 400, "malformed"),
}
for _name, _case in MALFORMED_PARTS.items():
    TABLE[_name] = (lambda p, case=_case: p.malformed(case), 400, "malformed")
    TABLE["in line: " + _name] = (lambda p, case=_case: p.malformed(case, "/api/x"), 400, "malformed")
for _name, _case in MALFORMED_BODIES.items():
    TABLE["body: " + _name] = (lambda p, case=_case: p.malformed_body(case), 400, "malformed")


class RefusalTests(TestCase):
    def setUp(self):
        super().setUp()
        self.upstream = self.start_upstream()
        self.gateway = self.start_gateway(CONFIG.format(upstream=self.upstream.authority))
        self.numbers = iter(range(1, 65_536))

    def provoker(self):
        provoker = Provoker(self.gateway, next(self.numbers))
        self.addCleanup(provoker.client.close)
        return provoker

    def check(self, name, answer, status, kind):
        """What every refusal has, and what its own row adds."""
        self.assertEqual((answer.status, answer.header("content-type")), (status, "application/problem+json"), answer)
        problem = answer.json()
        self.assertEqual(problem["type"], f"urn:tollgate:{kind}", answer)
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["instance"], answer.header("x-request-id"))
        self.assertRegex(problem["instance"], r"\A[A-Za-z0-9._~:=-]{1,128}\Z")
        for member in ("title", "detail"):
            self.assertIsInstance(problem[member], str)
            self.assertTrue(problem[member])
        self.assertEqual(answer.header("cache-control"), "no-store")
        self.assertIsNone(answer.header("pow-pass"))
        self.assertEqual(answer.all("set-cookie"), [])
        self.check_challenge(answer, problem, wanted=kind in ("work-required", "other-client"))
        retry = answer.header("retry-after")
        if retry is not None:
            self.assertRegex(retry, r"\A[1-9][0-9]*\Z")
            self.assertEqual(problem["retry_after"], int(retry))
        if kind == "over-limit" or (kind == "work-required" and status == 429):
            self.assertIsNotNone(retry, "waiting would do, and nobody says so")
        if kind == "work-required" and status == 401:
            self.assertEqual(answer.header("www-authenticate"), f'PoW realm="{problem["policy"]}"')
            self.assertIsNone(retry, "waiting does not help where nothing is free")
        else:
            self.assertIsNone(answer.header("www-authenticate"))
        if status == 405:
            self.assertIn(answer.header("allow"), ("POST", "GET, HEAD"))

    def check_challenge(self, answer, problem, wanted):
        field = answer.header("pow-challenge")
        self.assertEqual(("challenge" in problem, field is not None), (wanted, wanted))
        if not wanted:
            return
        challenge = problem["challenge"]
        self.assertEqual(
            set(challenge), {"challenge", "algorithm", "rounds", "target", "expires_in", "grants", "redeem"}
        )
        self.assertEqual(challenge["redeem"], protocol.REDEEM)
        self.assertRegex(challenge["challenge"], r"\A[A-Za-z][A-Za-z0-9_-]{0,511}\Z")
        in_header = protocol.challenge_header(field)
        self.assertEqual(in_header, {name: challenge[name] for name in in_header})

    def provoke(self, name):
        provoke, status, kind = TABLE[name]
        answer = provoke(self.provoker())
        self.check(name, answer, status, kind)
        return answer

    def test_each_row_of_the_table(self):
        for name in TABLE:
            with self.subTest(name):
                self.provoke(name)
        self.assertTrue(self.gateway.is_running())

    def test_each_row_while_two_hundred_other_requests_run(self):
        waiting, release = threading.Semaphore(0), None

        async def hold(request, connection):
            waiting.release()
            await release.wait()
            await connection.respond(200, [], b"held")

        async def make_event():
            return asyncio.Event()

        release = self.upstream.call(make_event())
        self.upstream.on("/busy/held", hold)
        done = threading.Event()
        served, failures = [], []

        def held(index):
            with Client(self.gateway.address, timeout=120) as client:
                answer = client.get("/busy/held", [("X-Forwarded-For", f"203.0.113.{index}")])
                return answer.status, answer.body

        def passing(index):
            """Requests that come and go meanwhile."""
            with Client(self.gateway.address) as client:
                while not done.is_set():
                    served.append(client.get("/busy/quick").status)

        def rows(_):
            try:
                for _ in range(200):
                    self.assertTrue(waiting.acquire(timeout=60), "not all requests reach the upstream")
                for name in TABLE:
                    try:
                        self.provoke(name)
                    except Exception as error:
                        failures.append((name, error))
            finally:
                done.set()
                self.upstream.loop.call_soon_threadsafe(release.set)

        results = parallel(203, lambda i: held(i) if i < 200 else passing(i) if i < 202 else rows(i))
        self.assertEqual(failures, [])
        self.assertEqual(results[:200], [(200, b"held")] * 200)
        self.assertGreater(len(served), 0)
        self.assertEqual(set(served), {200})

    def test_what_a_challenge_asks_is_what_the_policy_says(self):
        challenge = self.provoker().challenge("api")
        self.assertEqual(challenge["rounds"], 4)
        self.assertEqual(challenge["grants"], 7)
        self.assertEqual(challenge["expires_in"], 300)
        self.assertEqual(challenge["algorithm"], "SHA-256")
        self.assertEqual(challenge["target"], protocol.target(512, 4))
        again = self.provoker().challenge("api")
        self.assertNotEqual(challenge["challenge"], again["challenge"])

    def test_the_challenge_of_a_refusal_helps(self):
        for path, status in (("/api/x", 429), ("/paid/x", 401)):
            with self.subTest(path):
                provoker = self.provoker()
                answers = [provoker.get(path) for _ in range(3)]
                self.assertEqual(answers[-1].status, status)
                challenge = protocol.challenge_header(answers[-1].header("pow-challenge"))
                answer = provoker.redeem(challenge["challenge"], protocol.solve(challenge), inline=path)
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(answer.header("cache-control"), "private, no-store")
                self.assertEqual(provoker.get(path, ("PoW-Pass", answer.header("pow-pass"))).status, 200)

    def test_the_fresh_challenge_of_other_client_is_that_clients(self):
        for inline in (None, "/api/x"):
            with self.subTest(inline=inline):
                provoker = self.provoker()
                challenge = provoker.other_client(inline).json()["challenge"]
                solution = protocol.solve(challenge)
                self.assertEqual(provoker.redeem(challenge["challenge"], solution).status, 403)
                self.assertEqual(provoker.redeem(challenge["challenge"], solution, other=True).status, 200)

    def test_a_form_is_taken_like_json_and_sets_the_same_cookie(self):
        provoker = self.provoker()
        answer = provoker.post(solved_form(provoker), "application/x-www-form-urlencoded; charset=utf-8")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(set(answer.json()), {"pass", "grants", "expires_in"})
        self.assertEqual((answer.json()["grants"], answer.json()["expires_in"]), (7, 600))
        self.assertEqual(answer.header("cache-control"), "no-store")
        value, *attributes = answer.header("set-cookie").split("; ")
        self.assertEqual(value, f"tollgate_api={answer.json()['pass']}")
        self.assertEqual(set(attributes), {"Path=/", "Max-Age=600", "HttpOnly", "SameSite=Lax"})
        self.assertEqual(provoker.get("/api/x", ("Cookie", f"a=b; {value}; c=d")).header("ratelimit"), '"pass";r=6;t=600, "ceiling";r=999;t=1')

    def test_under_https_the_cookie_is_bound_to_the_host(self):
        provoker = self.provoker()
        challenge = provoker.challenge()
        answer = provoker.client.post_json(
            protocol.REDEEM,
            {"challenge": challenge["challenge"], "solution": protocol.solve(challenge)},
            provoker.headers(("X-Forwarded-Proto", "https")),
        )
        value, *attributes = answer.header("set-cookie").split("; ")
        self.assertEqual(value, f"__Host-tollgate_api={answer.json()['pass']}")
        self.assertEqual(set(attributes), {"Path=/", "Max-Age=600", "HttpOnly", "SameSite=Lax", "Secure"})

    def test_tokens_of_an_earlier_start_have_expired(self):
        provoker = self.provoker()
        challenge = provoker.challenge()
        solution = protocol.solve(challenge)
        self.gateway.restart()
        provoker = Provoker(self.gateway, 1)
        self.addCleanup(provoker.client.close)
        self.check("restart", provoker.redeem(challenge["challenge"], solution), 410, "expired")

    def test_head_has_the_fields_and_no_body(self):
        provoker = self.provoker()
        answer = provoker.client.request("HEAD", "/paid/x", provoker.headers())
        self.assertEqual((answer.status, answer.body), (401, b""))
        self.assertEqual(answer.header("www-authenticate"), 'PoW realm="paid"')
        challenge = protocol.challenge_header(answer.header("pow-challenge"))
        self.assertEqual(provoker.redeem(challenge["challenge"], protocol.solve(challenge)).status, 200)

    def test_who_navigates_sees_a_page(self):
        documents = {
            "a browser": [("Sec-Fetch-Dest", "document"), ("Accept", "*/*")],
            "an old browser": [("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")],
        }
        for name, fields in documents.items():
            with self.subTest(name):
                provoker = self.provoker()
                self.assertEqual(provoker.get("/site/x", *fields).status, 200)
                answer = provoker.get("/site/x?a=1", *fields)
                self.assertEqual(answer.status, 503, answer)  # as `page.status` says
                self.assertEqual(answer.header("content-type"), "text/html; charset=utf-8")
                self.assertEqual(answer.header("cache-control"), "no-store")
                self.assertIn("default-src 'none'", answer.header("content-security-policy"))
                self.assertNotIn("unsafe-inline", answer.header("content-security-policy"))
                self.assertIn(answer.header("x-request-id").encode(), answer.body)
                self.assertIn(b"A &lt;title&gt;", answer.body)
                self.assertNotIn(b"A <title>", answer.body)
                challenge = protocol.challenge_header(answer.header("pow-challenge"))
                self.assertIn(challenge["challenge"].encode(), answer.body)
                self.assertEqual(provoker.redeem(challenge["challenge"], protocol.solve(challenge)).status, 200)
                answer = provoker.get("/banned/x", *fields)
                self.assertEqual((answer.status, answer.header("content-type")), (403, "text/html; charset=utf-8"))
                self.assertIn(answer.header("x-request-id").encode(), answer.body)

    def test_who_does_not_navigate_sees_a_document_of_the_problem(self):
        others = {
            "a script of the page": [("Sec-Fetch-Dest", "empty"), ("Accept", "text/html")],
            "a picture": [("Sec-Fetch-Dest", "image"), ("Accept", "image/*")],
            "a frame": [("Sec-Fetch-Dest", "iframe"), ("Sec-Fetch-Site", "cross-site"), ("Accept", "text/html")],
            "a prefetch": [("Sec-Fetch-Dest", "document"), ("Sec-Purpose", "prefetch"), ("Accept", "text/html")],
            "a prerender": [("Sec-Fetch-Dest", "document"), ("Sec-Purpose", "prefetch;prerender"), ("Accept", "text/html")],
            "a tool": [("Accept", "*/*")],
            "a library": [("Accept", "application/json")],
        }
        for name, fields in others.items():
            with self.subTest(name):
                self.check(name, self.provoker().get("/paid/x", *fields), 401, "work-required")


if __name__ == "__main__":
    unittest.main()
