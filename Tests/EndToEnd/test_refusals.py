"""Every refusal that one node can give, over HTTP: its status, type and header fields; each also while 200 other requests run."""

import asyncio
import threading
import unittest

import protocol
from client import Client
from harness import TestCase, parallel
from refusal_table import CONFIG, TABLE, Provoker, solved_form


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

    def test_what_was_issued_and_what_was_spent_outlive_a_restart(self):
        provoker = self.provoker()
        spent, challenge = provoker.challenge(), provoker.challenge()
        spent_solution, solution = protocol.solve(spent), protocol.solve(challenge)
        self.assertEqual(provoker.redeem(spent["challenge"], spent_solution).status, 200)
        for restart in (self.gateway.restart, self.gateway.crash):
            restart()
            provoker = Provoker(self.gateway, 1)
            self.addCleanup(provoker.client.close)
            self.check("spent", provoker.redeem(spent["challenge"], spent_solution), 409, "already-spent")
        self.assertEqual(provoker.redeem(challenge["challenge"], solution).status, 200)

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
