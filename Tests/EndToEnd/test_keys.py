"""Whom a limit counts, and whom a pass belongs to."""

import unittest

import protocol
from limits_case import LimitsTestCase, from_client, rate_limit


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


if __name__ == "__main__":
    unittest.main()
