"""Free limits, grants and ceilings are exact, also under 64 connections at once; what a refused request leaves as it was.

Rates of one a day or an hour make bursts exact: nothing comes back while a test runs.
"""

import itertools
import re
import time
import unittest

import protocol
from client import Client
from harness import TestCase, parallel

CONNECTIONS = 64


def from_client(address, *more):
    return [("X-Forwarded-For", address), *more]


class LimitsTestCase(TestCase):
    def serve(self, policies, routes=None):
        """A gateway with a route `/NAME/*` for each policy, a mapping of names to YAML."""
        self.upstream = self.start_upstream()
        lines = [f'upstreams: {{ app: {{ servers: ["{self.upstream.authority}"] }} }}', "routes:"]
        for name in policies:
            lines.append(f'  - {{ name: {name}, match: {{ path: "/{name}/*" }}, upstream: app, policy: {name} }}')
        lines += routes or []
        lines += ["policies:"] + [f"  {name}: {text}" for name, text in policies.items()]
        self.gateway = self.start_gateway("\n".join(lines))
        self.client = self.connect(self.gateway)

    def status(self, path, address="198.18.0.1", *more):
        return self.client.get(path, from_client(address, *more)).status

    def flood(self, count, path, headers):
        """The statuses of `count` requests over 64 kept connections; `headers(index)` are those of each."""
        clients = [Client(self.gateway.address) for _ in range(CONNECTIONS)]
        share = [range(start, count, CONNECTIONS) for start in range(CONNECTIONS)]

        def run(index):
            with clients[index] as client:
                return [client.get(path, headers(number)).status for number in share[index]]

        return list(itertools.chain.from_iterable(parallel(CONNECTIONS, run)))

    def admitted(self, path, headers, limit=10_000):
        """How many requests are admitted, one after the other, until one is not."""
        for count in range(limit):
            if self.client.get(path, headers).status != 200:
                return count
        raise AssertionError(f"{limit} requests and no end")

    def buy_pass(self, policy, address="198.18.0.1"):
        challenge = self.client.get(f"{protocol.CHALLENGE}?policy={policy}", from_client(address)).json()
        answer = protocol.redeem(self.client, challenge, protocol.solve(challenge), headers=from_client(address))
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["pass"]


def rate_limit(answer, field="ratelimit"):
    """`"free";r=2;t=60, "ceiling";r=5;t=1` as {"free": {"r": 2, "t": 60}, …}."""
    items = {}
    for item in answer.header(field).split(", "):
        match = re.fullmatch(r'"([a-z0-9-]+)"((?:;[a-z]+=[0-9]+)+)', item)
        assert match, f"not a list of items with parameters: {item}"
        items[match.group(1)] = {name: int(value) for name, value in re.findall(r";([a-z]+)=([0-9]+)", match.group(2))}
    return items


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
        self.assertEqual(left, {"free": 10, "free-2": 25, "free-3": 0})
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


class KeyTests(LimitsTestCase):
    def test_a_header_is_counted_by_its_value_and_its_absence_by_the_client(self):
        self.serve(
            {
                "api": "{ preset: api, ceiling: off, free: [{ key: 'header:X-Api-Key', rate: 1/day, burst: 4 },"
                " { key: all, rate: 1/day, burst: 1000 }] }"
            }
        )
        key = lambda value: ("X-Api-Key", value)
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.1", key("a"))), 4)
        # The value counts, wherever it comes from and however the field's name is written.
        self.assertEqual(self.status("/api/x", "198.18.0.2", ("x-API-key", "a")), 429)
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.1", key("b"))), 4)
        # Without it, or with nothing in it, the client counts.
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.1")), 4)
        self.assertEqual(self.status("/api/x", "198.18.0.1", key("")), 429)
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.2", key(" "))), 4)

    def test_a_header_value_is_not_an_address(self):
        self.serve(
            {
                "api": "{ preset: api, ceiling: off, free: [{ key: 'header:X-Api-Key', rate: 1/day, burst: 2 },"
                " { key: all, rate: 1/day, burst: 1000 }] }"
            }
        )
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.1", ("X-Api-Key", "198.18.0.2"))), 2)
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.2")), 2)

    def test_an_ipv6_client_is_its_64_and_an_ipv4_client_its_address(self):
        self.serve({"api": "{ preset: api, ceiling: off, free: { rate: 1/day, burst: 6 } }"})
        random = self.random
        inside = lambda: "2001:db8:1:2:" + ":".join(f"{random.randrange(65536):x}" for _ in range(4))
        statuses = self.flood(200, "/api/x", lambda _: from_client(inside()))
        self.assertEqual(statuses.count(200), 6)
        self.assertEqual(self.admitted("/api/x", from_client("2001:db8:1:3::1")), 6)
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.1")), 6)
        self.assertEqual(self.admitted("/api/x", from_client("198.18.0.2")), 6)
        for spelling in ("::ffff:198.18.0.1", "::FFFF:c612:1", "[::ffff:198.18.0.1]:99", "198.18.0.1:4711"):
            self.assertEqual(self.status("/api/x", spelling), 429, spelling)
        for spelling in ("2001:0db8:0001:0002:0000:0000:0000:0001", "2001:DB8:1:2::", "[2001:db8:1:2::9]:80"):
            self.assertEqual(self.status("/api/x", spelling), 429, spelling)

    def test_a_wider_client_prefix_counts_the_whole_network(self):
        self.serve(
            {"api": "{ preset: api, ceiling: off, clientPrefix: { ipv4: 24, ipv6: 56 }, free: { rate: 1/day, burst: 5 } }"}
        )
        self.assertEqual([self.status("/api/x", f"198.18.0.{n}") for n in range(8)], [200] * 5 + [429] * 3)
        self.assertEqual(self.status("/api/x", "198.18.1.0"), 200)
        self.assertEqual([self.status("/api/x", f"2001:db8:0:{n:x}::1") for n in range(8)], [200] * 5 + [429] * 3)
        self.assertEqual(self.status("/api/x", "2001:db8:0:100::1"), 200)

    def test_policies_count_apart_and_routes_of_one_policy_together(self):
        policy = "{ preset: api, ceiling: off, free: { rate: 1/day, burst: 3 } }"
        self.serve(
            {"one": policy, "two": policy},
            ['  - { name: more, match: { path: "/more/*" }, upstream: app, policy: one }'],
        )
        self.assertEqual(self.admitted("/one/x", from_client("198.18.0.1")), 3)
        self.assertEqual(self.status("/more/x"), 429)
        self.assertEqual(self.admitted("/two/x", from_client("198.18.0.1")), 3)

    def test_a_page_begins_only_where_its_images_have_room(self):
        self.serve({"site": "{ preset: site, reserve: 6, ceiling: off, free: { rate: 1/day, burst: 10 } }"})
        page = ("Sec-Fetch-Dest", "document")
        statuses = [self.status("/site/x", "198.18.0.1", page) for _ in range(6)]
        # After the fourth page six are left: they are its images'.
        self.assertEqual(statuses, [200] * 4 + [429] * 2)
        self.assertEqual(self.admitted("/site/x.png", from_client("198.18.0.1", ("Sec-Fetch-Dest", "image"))), 6)
        # A forged destination only costs its sender the reserve.
        self.assertEqual(self.status("/site/x", "198.18.0.1", page), 429)

    def test_head_counts_like_get_and_preflights_are_not_challenged(self):
        self.serve({"api": "{ preset: api, ceiling: off, free: { rate: 1/day, burst: 2 }, cors: { origins: ['https://app.example.com'] } }"})
        self.assertEqual(self.client.request("HEAD", "/api/x", from_client("198.18.0.1")).status, 200)
        self.assertEqual(self.status("/api/x"), 200)
        self.assertEqual(self.client.request("HEAD", "/api/x", from_client("198.18.0.1")).status, 429)


class BindingTests(LimitsTestCase):
    WORK = "work: { difficulty: 256, rounds: 2, grants: 20, bind: %s }"

    def serve_bound(self, bind):
        self.serve({"api": "{ preset: api, free: { rate: 0 }, ceiling: off, " + self.WORK % bind + " }"})

    def test_without_binding_whoever_has_the_pass_is_served(self):
        self.serve_bound("none")
        challenge = self.client.get(protocol.CHALLENGE, from_client("198.18.0.1")).json()
        answer = protocol.redeem(
            self.client, challenge, protocol.solve(challenge), headers=from_client("198.18.0.2")
        )
        self.assertEqual(answer.status, 200)
        shown = ("PoW-Pass", answer.json()["pass"])
        statuses = self.flood(100, "/api/x", lambda number: from_client(f"198.18.1.{number}", shown))
        self.assertEqual((statuses.count(200), statuses.count(401)), (20, 80))

    def test_a_pass_moves_with_its_client_once_a_minute(self):
        self.serve_bound("client")
        shown = ("PoW-Pass", self.buy_pass("api", "198.18.0.1"))
        self.assertEqual(self.status("/api/x", "198.18.0.1", shown), 200)
        # The client moves: the pass goes along, with what remains of it.
        answer = self.client.get("/api/x", from_client("2001:db8::1", shown))
        self.assertEqual((answer.status, rate_limit(answer)["pass"]["r"]), (200, 18))
        # Another address of its /64 is the same client.
        self.assertEqual(self.status("/api/x", "2001:db8::2", shown), 200)
        # Within the minute it goes to nobody else, and not back: passing it round buys nothing.
        for address in ("198.18.0.2", "198.18.0.1", "2001:db8:0:1::1"):
            refused = self.client.get("/api/x", from_client(address, shown))
            self.assertEqual(refused.status, 401, address)
            self.assertIn("challenge", refused.json())
        # Whom it is bound to has all the rest.
        self.assertEqual(self.admitted("/api/x", from_client("2001:db8::1", shown)), 17)

    def test_a_pass_that_is_shown_by_many_at_once_serves_its_client_and_one_other(self):
        self.serve_bound("client")
        shown = ("PoW-Pass", self.buy_pass("api", "198.18.0.1"))
        statuses = self.flood(640, "/api/x", lambda number: from_client(f"198.18.1.{number % 64}", shown))
        # One of the 64 wins the move; each address has 10 requests, so 10 at most and one at least are served.
        self.assertTrue(1 <= statuses.count(200) <= 10, statuses.count(200))
        served = {request.header("x-forwarded-for").split(",")[0] for request in self.upstream.take()}
        self.assertEqual(len(served), 1)

    def test_a_pass_is_good_for_its_policy_only(self):
        policy = "{ preset: api, free: { rate: 0 }, ceiling: off, work: { difficulty: 256, rounds: 2, grants: 20 } }"
        self.serve({"one": policy, "two": policy})
        token = self.buy_pass("one")
        shown = [("PoW-Pass", token), ("Cookie", f"tollgate_two={token}")]
        self.assertEqual(self.status("/two/x", "198.18.0.1", *shown), 401)
        self.assertEqual(self.admitted("/one/x", from_client("198.18.0.1", *shown)), 20)

    def test_a_challenge_of_one_policy_does_not_pay_in_line_for_another(self):
        policy = "{ preset: api, free: { rate: 0 }, ceiling: off, work: { difficulty: 256, rounds: 2, grants: 20 } }"
        self.serve({"one": policy, "two": policy})
        challenge = self.client.get(f"{protocol.CHALLENGE}?policy=one", from_client("198.18.0.1")).json()
        line = ("PoW-Solution", f"{challenge['challenge']}.{protocol.solve(challenge)}")
        refused = self.client.get("/two/x", from_client("198.18.0.1", line))
        self.assertEqual((refused.status, refused.json()["type"]), (404, "urn:tollgate:unknown-policy"))
        # It was not spent by that.
        self.assertEqual(self.status("/one/x", "198.18.0.1", line), 200)


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
