"""Scripts of other origins: what they may read and send, and that what browsers ask beforehand is never challenged."""

import unittest

import protocol
from harness import TestCase

APP = "https://app.example.com"
EVIL = "https://evil.example"
WORK = "work: { difficulty: 256, rounds: 2, grants: 10 }"


class CrossOriginTests(TestCase):
    def serve(self, policy="free: { rate: 1/day, burst: 2 }", **more):
        self.upstream = self.start_upstream()
        self.gateway = self.start_gateway(
            f"""
            upstreams: {{ app: {{ servers: ["{self.upstream.authority}"] }} }}
            routes:
              - {{ name: other, match: {{ path: "/other/*" }}, upstream: app, policy: other }}
              - {{ name: api, match: {{ path: "/*" }}, upstream: app, policy: api }}
            policies:
              api: {{ preset: api, {policy}, ceiling: {more.get("ceiling", "off")}, {WORK}, cors: {{ origins: ["{APP}"] }} }}
              other: {{ preset: api, free: {{ rate: 0 }}, ceiling: off, {WORK} }}
            """
        )
        return self.connect(self.gateway)

    def preflight(self, client, path, origin=APP, method="GET"):
        fields = [("Origin", origin), ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", "pow-pass")]
        return client.request("OPTIONS", path, fields)

    def assertReadable(self, answer, origin=APP):
        self.assertEqual(answer.header("access-control-allow-origin"), origin)
        self.assertIn("Origin", answer.all("vary"))
        exposed = answer.header("access-control-expose-headers")
        for name in ("PoW-Challenge", "PoW-Pass", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"):
            self.assertIn(name, exposed)

    def assertUnreadable(self, answer):
        self.assertEqual([name for name, _ in answer.headers if name.lower().startswith("access-control-")], [])

    def test_a_listed_origin_reads_refusals_challenges_and_passes(self):
        client = self.serve("free: { rate: 0 }")
        refusal = client.request("GET", "/x", [("Origin", APP)])
        self.assertEqual(refusal.status, 401)
        self.assertReadable(refusal)
        challenge = client.request("GET", protocol.CHALLENGE + "?policy=api", [("Origin", APP)])
        self.assertReadable(challenge)
        answer = protocol.redeem(client, challenge.json(), protocol.solve(challenge.json()), headers=[("Origin", APP)])
        self.assertEqual(answer.status, 200)
        self.assertReadable(answer)
        admitted = client.request("GET", "/x", [("Origin", APP), ("PoW-Pass", answer.json()["pass"])])
        self.assertEqual(admitted.status, 200)

    def test_others_read_nothing(self):
        client = self.serve("free: { rate: 0 }")
        for origin in (EVIL, "null", APP + ".evil.example", APP + ":8443", "http://app.example.com"):
            with self.subTest(origin=origin):
                self.assertUnreadable(client.request("GET", "/x", [("Origin", origin)]))
                challenge = client.request("GET", protocol.CHALLENGE + "?policy=api", [("Origin", origin)])
                self.assertUnreadable(challenge)
                solution = protocol.solve(challenge.json())
                self.assertUnreadable(protocol.redeem(client, challenge.json(), solution, headers=[("Origin", origin)]))

    def test_a_policy_without_origins_is_read_by_none_of_them(self):
        client = self.serve()
        self.assertUnreadable(client.request("GET", "/other/x", [("Origin", APP)]))
        challenge = client.request("GET", protocol.CHALLENGE + "?policy=other", [("Origin", APP)])
        self.assertUnreadable(challenge)
        answer = protocol.redeem(client, challenge.json(), protocol.solve(challenge.json()), headers=[("Origin", APP)])
        self.assertEqual(answer.status, 200)
        self.assertUnreadable(answer)

    def test_preflights_to_endpoints_are_answered(self):
        client = self.serve()
        for path in (protocol.CHALLENGE + "?policy=api", protocol.REDEEM):
            with self.subTest(path=path):
                answer = self.preflight(client, path, method="POST")
                self.assertEqual((answer.status, answer.body), (204, b""))
                self.assertEqual(answer.header("access-control-allow-origin"), APP)
                allowed = answer.header("access-control-allow-headers").lower()
                for name in ("content-type", "idempotency-key", "pow-pass", "pow-solution", "pow-idempotency-key"):
                    self.assertIn(name, allowed)
                self.assertUnreadable(self.preflight(client, path, EVIL))
        self.assertUnreadable(self.preflight(client, protocol.CHALLENGE + "?policy=other"))

    def test_preflights_to_routes_are_free_and_reach_the_upstream(self):
        client = self.serve("free: { rate: 0 }")
        for _ in range(20):
            self.assertEqual(self.preflight(client, "/x").status, 200)
        self.assertEqual(self.upstream.count(), 20)
        # Without what makes a preflight, OPTIONS is a request like others.
        self.assertEqual(client.request("OPTIONS", "/x").status, 401)
        self.assertEqual(client.request("OPTIONS", "/x", [("Origin", APP)]).status, 401)
        self.assertEqual(client.request("GET", "/x", [("Origin", APP), ("Access-Control-Request-Method", "GET")]).status, 401)

    def test_what_only_looks_like_a_preflight_is_a_request_like_others(self):
        client = self.serve("free: { rate: 0 }")
        self.assertEqual(self.preflight(client, "/x", EVIL).status, 401)
        self.assertEqual(self.preflight(client, "/other/x").status, 401)
        fields = [("Origin", APP), ("Access-Control-Request-Method", "GET")]
        self.assertEqual(client.request("OPTIONS", "/x", fields, b"q=costly").status, 401)
        self.assertEqual(client.request("OPTIONS", "/x", [*fields, ("Origin", EVIL)]).status, 401)
        self.assertEqual(self.upstream.count(), 0)

    def test_preflights_are_no_way_around_the_ceiling(self):
        client = self.serve("free: { rate: 1/day, burst: 1 }", ceiling="{ rate: 1/day, burst: 5 }")
        statuses = [self.preflight(client, "/x").status for _ in range(10)]
        self.assertEqual((statuses.count(200), statuses.count(429)), (5, 5))
        answer = self.preflight(client, "/x")
        self.assertEqual(answer.json()["type"], "urn:tollgate:over-limit")
        self.assertNotIn("challenge", answer.json())

    def test_our_names_join_what_the_upstream_exposes(self):
        client = self.serve()

        async def handler(request, connection):
            fields = [("Access-Control-Allow-Origin", request.header("origin")), ("Access-Control-Expose-Headers", "ETag")]
            if request.method == "OPTIONS":
                fields = [("Access-Control-Allow-Origin", request.header("origin")), ("Access-Control-Allow-Headers", "X-Own")]
            await connection.respond(200, fields, b"")

        self.upstream.handler = handler
        answer = client.request("GET", "/x", [("Origin", APP)])
        exposed = answer.header("access-control-expose-headers")
        self.assertTrue(exposed.startswith("ETag, "), exposed)
        self.assertIn("RateLimit", exposed)
        allowed = self.preflight(client, "/x").header("access-control-allow-headers")
        self.assertEqual([name.strip() for name in allowed.split(",")][:2], ["X-Own", "PoW-Pass"])
        # To an origin that only the upstream knows nothing of ours is opened.
        answer = client.request("GET", "/x", [("Origin", EVIL)])
        self.assertEqual(answer.header("access-control-expose-headers"), "ETag")

    def test_an_upstream_that_opens_nothing_stays_closed(self):
        client = self.serve()
        answer = client.request("GET", "/x", [("Origin", APP)])
        self.assertEqual(answer.status, 200)
        self.assertUnreadable(answer)


if __name__ == "__main__":
    unittest.main()
