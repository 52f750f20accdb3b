"""Overrides over the admin interface of three nodes: what one sets holds at each, and of two who race one wins."""

import concurrent.futures
import itertools
import unittest

from clients import client_address
from override_case import BURST, OverrideCase, place


class TermsTests(OverrideCase):
    def test_a_key_is_raised_and_lowered_at_each_node(self):
        a, b, c = self.start()
        self.assertEqual(self.drain(a, 1), BURST)
        self.override(b, "PUT", 1, {"free": {"rate": "1/day", "burst": 30}})
        # What was used stays used, and every node grants the rest, once.
        self.assertEqual(sum(self.drain(node, 1) for node in (c, a, b)), 30 - BURST)
        # Nobody else is concerned.
        self.assertEqual(self.drain(c, 2), BURST)
        self.override(c, "PUT", 1, {"free": {"rate": "1/day", "burst": 40}})
        self.override(a, "PUT", 1, {"free": {"rate": "1/day", "burst": 20}})
        for node in (a, b, c):
            self.assertEqual(self.drain(node, 1), 0)
        self.override(b, "DELETE", 1)
        for node in (a, b, c):
            self.assertEqual(self.drain(node, 1), 0)
            self.assertEqual(self.ask(node, "GET", place("overrides", "strong", client_address(1))).status, 404)

    def test_slices_follow(self):
        a, b, c = self.start()
        self.override(a, "PUT", 1, {"free": {"rate": "1/day", "burst": 5}}, policy="escrow")
        # What a node holds at a slice's end is lost to the others.
        first = sum(self.drain(node, 1, "/escrow/x") for node in (a, b, c))
        self.assertTrue(1 <= first <= 5, first)
        self.override(c, "PUT", 1, {"free": {"rate": "1/day", "burst": 50}}, policy="escrow")
        # A refusal is remembered for a moment.
        self.cluster.wait_until(lambda: self.get(b, "/escrow/x", 1).status == 200, "b knows")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            counts = list(pool.map(lambda node: self.drain(node, 1, "/escrow/x"), (a, b, c)))
        self.assertLessEqual(first + 1 + sum(counts), 50)
        self.assertGreater(first + 1 + sum(counts), 5)

    def test_a_network_and_a_header_have_theirs(self):
        a, b, c = self.start()
        network = "198.18.0.0/24"
        path = place("overrides", "networks", network)
        self.assertEqual(self.ask(a, "PUT", path, {"free": {"rate": "1/day", "burst": 3}}).status, 200)
        self.assertEqual([self.get(node, "/networks/x", 1).status for node in (a, b, c)], [200] * 3)
        self.assertEqual(self.get(a, "/networks/x", 2).status, 429)
        self.assertEqual(self.ask(b, "GET", path).json()["key"], network)

        path = place("overrides", "strong", "header:kä/y")
        self.assertEqual(self.ask(b, "PUT", path, {"deny": True}).status, 200)
        for node in (a, b, c):
            banned = self.get(node, "/x", 3, ("X-Api-Key", "kä/y".encode().decode("latin-1")))
            self.assertEqual(banned.status, 403)
            self.assertEqual(self.get(node, "/x", 3, ("X-Api-Key", "other")).status, 200)


class BanTests(OverrideCase):
    def test_a_ban_holds_at_each_node_and_ends(self):
        a, b, c = self.start()
        token = self.buy(a, number=1)
        self.assertEqual(self.use(b, token).status, 200)
        for policy in ("strong", "paid", "escrow"):
            self.override(a, "PUT", 1, {"deny": True, "for": "4s"}, policy=policy)
        for node in (a, b, c):
            self.assertEqual(self.get(node, "/x", 1).status, 403)
            self.assertEqual(self.get(node, "/escrow/x", 1).status, 403)
            # Also who has paid.
            self.assertEqual(self.use(node, token).status, 403)
            self.assertEqual(self.get(node, "/x", 2).status, 200)
            left = self.override(node, "GET", 1).json()["expires_in"]
            self.assertTrue(0 < left <= 4, left)
        for node in (a, b, c):
            self.cluster.wait_until(lambda: self.get(node, "/x", 1).status == 200, "the ban is over")
            self.cluster.wait_until(lambda: self.get(node, "/escrow/x", 1).status == 200, "the ban is over")
            self.assertEqual(self.use(node, token).status, 200)
            self.assertEqual(self.ask(node, "GET", place("overrides", "strong", client_address(1))).status, 404)

    def test_a_ban_for_good_ends_with_its_removal(self):
        a, b, c = self.start()
        self.override(a, "PUT", 1, {"deny": True})
        self.assertNotIn("expires_in", self.override(c, "GET", 1).json())
        self.assertEqual(self.get(b, "/x", 1).status, 403)
        self.override(b, "DELETE", 1)
        self.assertEqual([self.get(node, "/x", 1).status for node in (a, b, c)], [200] * 3)


class RegisterTests(OverrideCase):
    def race(self, nodes, fields):
        """All put at once, each another burst; the answers."""
        with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
            path = place("overrides", "strong", client_address(1))
            bodies = [{"free": {"rate": "1/day", "burst": 100 + number}} for number in range(len(nodes))]
            puts = [pool.submit(self.ask, node, "PUT", path, body, *fields) for node, body in zip(nodes, bodies)]
            return [put.result() for put in puts]

    def test_of_those_who_race_one_wins(self):
        nodes = self.start()
        fields = [("If-None-Match", "*")]
        tags = set()
        for _ in range(20):
            answers = self.race(nodes[:2] * 2, fields)
            self.assertEqual(sorted(answer.status for answer in answers), [200, 412, 412, 412], answers)
            won = next(answer for answer in answers if answer.status == 200)
            tag = won.header("etag")
            self.assertNotIn(tag, tags)
            tags.add(tag)
            self.assertEqual({answer.header("etag") for answer in answers}, {tag})
            for node in nodes:
                seen = self.override(node, "GET", 1)
                self.assertEqual((seen.header("etag"), seen.json()["free"]), (tag, won.json()["free"]))
            fields = [("If-Match", tag)]

    def test_conditions(self):
        a, b, c = self.start()
        path = place("overrides", "strong", client_address(1))
        ban, nodes = {"deny": True}, itertools.cycle([a, b, c])

        def put(*fields):
            return self.ask(next(nodes), "PUT", path, ban, *fields)

        def remove(*fields):
            return self.ask(next(nodes), "DELETE", path, None, *fields)

        self.assertEqual(put(("If-Match", "*")).status, 412)
        self.assertEqual(put(("If-Match", '"1"')).status, 412)
        self.assertEqual(remove(("If-Match", '"1"')).status, 412)
        first = put(("If-None-Match", "*")).header("etag")
        self.assertEqual(put(("If-None-Match", "*")).status, 412)
        self.assertEqual(put(("If-None-Match", first)).status, 412)
        self.assertEqual(put(("If-None-Match", f"W/{first}")).status, 412)
        self.assertEqual(put(("If-Match", f"W/{first}")).status, 412)
        self.assertEqual(put(("If-Match", '"nobody\'s"')).status, 412)
        second = put(("If-Match", f'"nobody\'s", {first}')).header("etag")
        self.assertNotEqual(first, second)
        self.assertEqual(put(("If-Match", first)).status, 412)
        self.assertEqual(put(("If-Match", "*")).status, 200)
        # Without a condition the last one wins.
        last = put().header("etag")
        self.assertEqual(remove(("If-Match", second)).status, 412)
        self.assertEqual(remove(("If-Match", last)).status, 200)
        self.assertEqual(remove(("If-Match", last)).status, 412)
        self.assertEqual(remove().status, 200)
        # Never the tag of one that was there before.
        self.assertNotIn(put().header("etag"), {first, second, last})
        for wrong in ("1", '"1', "W/1", "*, *", '"1" "2"'):
            self.assertEqual(put(("If-Match", wrong)).status, 400, wrong)

    def test_without_a_majority_nothing_is_said_to_be_so(self):
        a, b, c = self.start()
        self.override(a, "PUT", 1, {"deny": True})
        self.override(c, "GET", 1)
        a.kill()
        b.kill()
        path = place("overrides", "strong", client_address(1))
        for method, value in (("GET", None), ("PUT", {"deny": True}), ("DELETE", None)):
            answer = self.ask(c, method, path, value)
            self.assert_refused(answer, 503, "no-quorum")
        self.assertEqual(self.ask(c, "GET", f"{path}?consistency=stale").status, 200)
        listed = self.ask(c, "GET", "/v1/overrides?consistency=stale").json()["overrides"]
        self.assertEqual([one["key"] for one in listed], [client_address(1)])
        self.assertEqual(self.ask(c, "GET", place("quotas", "strong", client_address(1)) + "?consistency=stale").status, 200)


class ListTests(OverrideCase):
    def test_overrides_are_listed_by_name_in_pages(self):
        a, b, c = self.start()
        for number in range(1, 8):
            self.override(a, "PUT", number, {"deny": True, "for": "1h"})
        self.override(b, "PUT", 1, {"free": {"rate": "7/min", "burst": 3}}, policy="escrow")
        secret = "sk-0123456789abcdef"
        self.assertEqual(self.ask(b, "PUT", place("overrides", "strong", f"header:{secret}"), {"deny": True}).status, 200)
        names, after = [], ""
        while True:
            page = self.ask(c, "GET", f"/v1/overrides?policy=strong&limit=3{after}").json()
            self.assertLessEqual(len(page["overrides"]), 3)
            names += [one["key"] for one in page["overrides"]]
            if "next" not in page:
                break
            after = f"&after={page['next']}"
        expected = {client_address(number) for number in range(1, 8)} | {"header:sk-01234…"}
        self.assertEqual((len(names), set(names)), (8, expected))
        everything = self.ask(a, "GET", "/v1/overrides").json()["overrides"]
        self.assertEqual(len(everything), 9)
        self.assertEqual([one["free"] for one in everything if "free" in one], [{"rate": "7/min", "burst": 3}])
        # What has no name that can be written is found by its hash.
        found = next(one for one in everything if one["key"].startswith("header:"))
        self.assertEqual(self.ask(b, "DELETE", place("overrides", "strong", f"hash:{found['hash']}")).status, 200)
        self.assertEqual(len(self.ask(c, "GET", "/v1/overrides?policy=strong").json()["overrides"]), 7)
        for query in ("limit=0", "limit=1001", "after=x", "nothing=1", "limit=1&limit=2", "consistency=eventual"):
            self.assertEqual(self.ask(a, "GET", f"/v1/overrides?{query}").status, 400, query)
        self.assert_refused(self.ask(a, "GET", "/v1/overrides?policy=none"), 404, "unknown-policy")


class WrongTests(OverrideCase):
    def test_what_is_wrong_is_named(self):
        a, *_ = self.start()
        client = client_address(1)

        def refused(policy, key, value, status, kind, *parts):
            answer = self.ask(a, "PUT", place("overrides", policy, key), value)
            self.assert_refused(answer, status, kind)
            for part in parts:
                self.assertIn(part, answer.json()["detail"])

        good = {"deny": True}
        refused("none", client, good, 404, "unknown-policy", "strong, escrow, networks, paid")
        refused("networks", client, good, 404, "no-such-key", "198.18.0.0/24")
        refused("networks", "198.18.0.0/16", good, 404, "no-such-key", "198.18.0.0/24")
        refused("networks", "all", good, 404, "no-such-key", "/24", "/48")
        refused("escrow", "header:x", good, 404, "no-such-key", "an address")
        refused("networks", "198.18.0.1/24", good, 400, "malformed", "198.18.0.0/24")
        refused("strong", "nobody", good, 400, "malformed", "203.0.113.7", "header:VALUE")
        refused("strong", "hash:12", good, 400, "malformed", "32 hexadecimal digits")
        for value, part in (
            ({"deny": True, "fro": "1h"}, "`fro`"),
            ({"free": {"rate": "1/s", "brust": 3}}, "`brust`"),
            ({"free": {"burst": 3}}, "`free.rate`"),
            ({"free": {"rate": 3}}, "`free.rate`"),
            ({"free": {"rate": "3"}}, "has no time"),
            ({"free": {"rate": "0/s"}}, "ban the key"),
            ({"free": {"rate": "1/s", "burst": -1}}, "`free.burst`"),
            ({"free": {"rate": "1/s", "burst": 0}}, "burst of 0"),
            ({"free": {"rate": "1/day", "burst": 2**60}}, "centuries"),
            ({"free": {"rate": "1/s"}, "deny": True}, "either"),
            ({"free": {"rate": "1/s"}, "for": "1h"}, "`for`"),
            ({"deny": False}, "`deny`"),
            ({"deny": True, "for": "soon"}, "not a duration"),
            ({"deny": True, "for": "0"}, "over as it begins"),
            ({}, "either"),
            ([], "no JSON object"),
            (b"{", "no JSON object"),
            (b'{"deny": true} x', "no JSON object"),
            (b"[" * 10_000, "no JSON object"),
        ):
            refused("strong", client, value, 400, "malformed", part)
        # The ceiling alone counts all: other free terms would be a word without effect.
        refused("strong", "all", {"free": {"rate": "1/s"}}, 400, "malformed", "ceilings alone")
        self.assertEqual(self.ask(a, "PUT", place("overrides", "strong", client), b"x" * 20_000).status, 413)
        answer = self.ask(a, "PUT", place("overrides", "strong", "all"), good)
        self.assertEqual(answer.status, 200, answer)
        self.override(a, "DELETE", 1)
        self.assertEqual(self.ask(a, "DELETE", place("overrides", "strong", "all")).status, 200)
        self.assertEqual(self.ask(a, "POST", place("overrides", "strong", client), good).status, 405)
        self.assertEqual(self.ask(a, "GET", "/v1/overrides").json(), {"overrides": []})


if __name__ == "__main__":
    unittest.main()
