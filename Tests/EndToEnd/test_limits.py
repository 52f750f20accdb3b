"""Free limits, grants and ceilings are exact, also under 64 connections at once; what a refused request leaves as it was."""

import time
import unittest

from limits_case import LimitsTestCase, from_client, rate_limit


class ExactTests(LimitsTestCase):
    def test_exactly_the_burst_of_many_requests_passes(self):
        self.serve({"api": "{ preset: api, free: { rate: 1/day, burst: 500 }, ceiling: off }"})
        statuses = self.flood(5_000, "/api/x", lambda _: from_client("198.18.0.1"))
        self.assertEqual((statuses.count(200), statuses.count(429)), (500, 4_500))
        self.assertEqual(self.upstream.count(), 500, "the upstream has seen something else than what was admitted")

    def test_each_client_has_exactly_its_own_burst(self):
        self.serve({"api": "{ preset: api, free: { rate: 1/day, burst: 20 }, ceiling: off }"})
        addresses = [f"198.18.0.{number}" for number in range(50)]
        statuses = self.flood(2_000, "/api/x", lambda number: from_client(addresses[number % 50]))
        self.assertEqual((statuses.count(200), statuses.count(429)), (1_000, 1_000))
        counts = {address: 0 for address in addresses}
        for request in self.upstream.take():
            counts[request.header("x-forwarded-for").split(",")[0]] += 1
        self.assertEqual(set(counts.values()), {20})

    def test_a_pass_is_good_for_exactly_its_grants(self):
        self.serve({"api": "{ preset: api, free: { rate: 0 }, ceiling: off, work: { difficulty: 256, rounds: 2, grants: 100 } }"})
        token = self.buy_pass("api")
        statuses = self.flood(1_000, "/api/x", lambda _: from_client("198.18.0.1", ("PoW-Pass", token)))
        self.assertEqual((statuses.count(200), statuses.count(401)), (100, 900))
        self.assertEqual(self.upstream.count(), 100)

    def test_several_passes_add_up_whichever_way_they_are_shown(self):
        self.serve({"api": "{ preset: api, free: { rate: 0 }, ceiling: off, work: { difficulty: 256, rounds: 2, grants: 30 } }"})
        tokens = [self.buy_pass("api") for _ in range(3)]
        shown = [("PoW-Pass", tokens[0]), ("PoW-Pass", tokens[1]), ("Cookie", f"a=b; tollgate_api={tokens[2]}")]
        statuses = self.flood(500, "/api/x", lambda _: from_client("198.18.0.1", *shown))
        self.assertEqual((statuses.count(200), statuses.count(401)), (90, 410))

    def test_a_costly_route_takes_that_much_of_a_pass_and_of_a_limit(self):
        self.serve(
            {"api": "{ preset: api, free: { rate: 1/day, burst: 10 }, ceiling: off, work: { difficulty: 256, rounds: 2, grants: 100 } }"},
            ['  - { name: costly, match: { path: "/costly/*" }, upstream: app, policy: api, cost: 7 }'],
        )
        # 10 units pay for one of 7 and three of 1: what cannot be paid whole takes nothing.
        self.assertEqual([self.status("/costly/x"), self.status("/costly/x")], [200, 429])
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.1")), 3)
        shown = ("PoW-Pass", self.buy_pass("api"))
        self.assertEqual(self.admitted("/costly/x", from_client("198.18.0.1", shown)), 14)
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.1", shown)), 2)

    def test_a_ceiling_is_exact_and_caps_free_and_worked_together(self):
        self.serve(
            {
                "api": "{ preset: api, free: { rate: 1/day, burst: 100 }, ceiling: { rate: 1/day, burst: 300 },"
                " work: { difficulty: 256, rounds: 2, grants: 10000 } }"
            }
        )
        shown = ("PoW-Pass", self.buy_pass("api"))
        # Half of the requests show the pass. Whatever the order: 300 in all, at most 100 of them free.
        statuses = self.flood(
            2_000, "/api/x", lambda number: from_client("198.18.0.1", *([shown] if number % 2 else []))
        )
        self.assertEqual((statuses.count(200), statuses.count(429)), (300, 1_700))
        self.assertEqual(self.upstream.count(), 300)
        for headers in (from_client("198.18.0.1"), from_client("198.18.0.1", shown)):
            answer = self.client.get("/api/x", headers)
            self.assertEqual(answer.json()["type"], "urn:tollgate:over-limit", answer)
            self.assertIsNone(answer.header("pow-challenge"))

    def test_what_the_ceiling_refuses_costs_no_grant(self):
        self.serve(
            {
                "api": "{ preset: api, free: { rate: 0 }, ceiling: [{ rate: 1/day, burst: 5 }, { key: 'header:x-tenant', rate: 1/day, burst: 3 }],"
                " work: { difficulty: 256, rounds: 2, grants: 100, bind: none } }"
            }
        )
        shown = ("PoW-Pass", self.buy_pass("api"))
        statuses = self.flood(500, "/api/x", lambda _: from_client("198.18.0.1", shown, ("X-Tenant", "a")))
        self.assertEqual((statuses.count(200), statuses.count(429)), (3, 497))
        # The pass has 97 left, and the client two under its ceiling.
        answer = self.client.get("/api/x", from_client("198.18.0.1", shown, ("X-Tenant", "b")))
        self.assertEqual(rate_limit(answer)["pass"]["r"], 96)
        self.assertEqual(rate_limit(answer)["ceiling"]["r"], 1)
        self.assertEqual(rate_limit(answer)["ceiling-2"]["r"], 2)

    def test_a_list_of_limits_drains_none_when_one_refuses(self):
        self.serve(
            {
                "api": "{ preset: api, work: off, onQuorumLoss: deny, ceiling: off, free: ["
                "{ rate: 1/day, burst: 10 }, { key: 'client/24,/48', rate: 1/day, burst: 25 }, { key: all, rate: 1/day, burst: 60 }] }"
            }
        )
        # The client's own limit refuses 190: its network and all must have lost ten only.
        statuses = self.flood(200, "/api/x", lambda _: from_client("198.18.0.1"))
        self.assertEqual((statuses.count(200), statuses.count(429)), (10, 190))
        # 15 are left of the network of 25: two more clients, 10 and 5. The third refusal is the network's.
        statuses = self.flood(100, "/api/x", lambda _: from_client("198.18.0.2"))
        self.assertEqual(statuses.count(200), 10)
        statuses = self.flood(100, "/api/x", lambda _: from_client("198.18.0.3"))
        self.assertEqual(statuses.count(200), 5)
        # That client keeps its other five, which it could only use elsewhere: all has 35 left, whatever was refused.
        statuses = self.flood(600, "/api/x", lambda number: from_client(f"198.18.{1 + number % 30}.1"))
        self.assertEqual(statuses.count(200), 35)
        # Over all: nobody gets anything, and nobody's own limit is drained by asking.
        answer = self.client.get("/api/x", from_client("198.18.200.1"))
        self.assertEqual(answer.status, 429)
        left = {name: item["r"] for name, item in rate_limit(answer).items()}
        # What is known to be empty may refuse before the others are asked, which are then not told of.
        self.assertEqual({"free": 10, "free-2": 25, **left}, {"free": 10, "free-2": 25, "free-3": 0})
        self.assertEqual(self.upstream.count(), 60)

    def test_with_enforce_false_everybody_is_admitted_and_counted(self):
        self.serve(
            {"api": "{ preset: api, enforce: false, free: { rate: 1/day, burst: 5 }, ceiling: { rate: 1/day, burst: 5 } }"}
        )
        statuses = self.flood(500, "/api/x", lambda _: from_client("198.18.0.1"))
        self.assertEqual(statuses, [200] * 500)
        first = self.client.get("/api/x", from_client("198.18.0.2"))
        self.assertEqual({name: item["r"] for name, item in rate_limit(first).items()}, {"free": 4, "ceiling": 4})

    def test_limits_that_come_back_come_back_at_their_rate_and_no_faster(self):
        self.serve({"api": "{ preset: api, free: { rate: 20/s, burst: 10 }, ceiling: off }"})
        begin = time.monotonic()
        statuses = self.flood(1_500, "/api/x", lambda _: from_client("198.18.0.1"))
        elapsed = time.monotonic() - begin
        # burst + rate × w is a bound whatever the machine does; the burst itself is always there.
        self.assertGreaterEqual(statuses.count(200), 10)
        self.assertLessEqual(statuses.count(200), 10 + int(20 * elapsed) + 1)


class RateLimitFieldTests(LimitsTestCase):
    def test_counted_responses_say_what_is_left(self):
        self.serve(
            {
                "api": "{ preset: api, free: [{ rate: 60/hour, burst: 3 }, { key: all, rate: 1000/min, burst: 900 }],"
                " ceiling: { rate: 120/hour, burst: 5 }, work: { difficulty: 256, rounds: 2, grants: 9, ttl: 2m } }"
            },
            ['  - { name: open, match: { path: "/open/*" }, upstream: app, allow: true }'],
        )
        answers = [self.client.get("/api/x", from_client("198.18.0.1")) for _ in range(4)]
        self.assertEqual([answer.status for answer in answers], [200, 200, 200, 429])
        self.assertEqual(
            rate_limit(answers[0], "ratelimit-policy"),
            {"free": {"q": 60, "w": 3600}, "free-2": {"q": 1000, "w": 60}, "ceiling": {"q": 120, "w": 3600}},
        )
        self.assertEqual([rate_limit(answer)["free"]["r"] for answer in answers], [2, 1, 0, 0])
        self.assertEqual([rate_limit(answer)["ceiling"]["r"] for answer in answers], [4, 3, 2, 2])
        resets = [rate_limit(answer)["free"]["t"] for answer in answers]
        self.assertTrue(all(0 < reset <= 180 for reset in resets), resets)
        self.assertTrue(0 < int(answers[3].header("retry-after")) <= 60)
        shown = ("PoW-Pass", self.buy_pass("api"))
        paid = self.client.get("/api/x", from_client("198.18.0.1", shown))
        self.assertEqual(rate_limit(paid)["pass"]["r"], 8)
        self.assertTrue(0 < rate_limit(paid)["pass"]["t"] <= 120)
        self.assertEqual(rate_limit(paid)["ceiling"]["r"], 1)
        self.assertNotIn("free", rate_limit(paid))
        self.assertEqual(rate_limit(paid, "ratelimit-policy")["pass"], {"q": 9, "w": 120})
        # What is not counted says nothing.
        uncounted = self.client.get("/open/x", from_client("198.18.0.1"))
        self.assertIsNone(uncounted.header("ratelimit"))
        self.assertIsNone(uncounted.header("ratelimit-policy"))

    def test_the_upstreams_own_fields_do_not_stand_beside_ours(self):
        self.serve({"api": "{ preset: api, ceiling: off, free: { rate: 1/day, burst: 3 } }"})

        async def lying(request, connection):
            fields = [("RateLimit", '"free";r=999'), ("RateLimit-Policy", '"free";q=999'), ("X-Request-Id", "mine")]
            await connection.respond(200, fields, b"")

        self.upstream.on("/api/lying", lying)
        answer = self.client.get("/api/lying", from_client("198.18.0.1"))
        self.assertEqual(rate_limit(answer)["free"]["r"], 2)
        self.assertEqual(len(answer.all("x-request-id")), 1)
        self.assertNotEqual(answer.header("x-request-id"), "mine")


if __name__ == "__main__":
    unittest.main()
