"""Prices with a real node: who redeems much is asked for more and told so everywhere; nobody else notices."""

import unittest

import protocol
from test_metrics import MetricsCase

POLICIES = "{ p: { free: { rate: 0 }, ceiling: off, work: { difficulty: 1000, rounds: 1, grants: 100 } } }"
#: Redemptions an hour that cost nothing more, and the greatest factor of a client.
TOLERANCE, HIGHEST = 32, 4096 * 4
SCRAPER, NEIGHBOUR, STRANGER = ([("X-Forwarded-For", address)] for address in ("203.0.113.5", "203.0.113.6", "198.51.100.7"))


class PriceTests(MetricsCase):
    def challenge(self, client, headers):
        answer = client.get(f"{protocol.CHALLENGE}?policy=p", headers)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def price(self, challenge):
        """By how much a challenge of one round is harder than 1000 hashes."""
        return 2**64 / (int(challenge["target"], 16) + 1) / 1000

    def buy(self, client, headers, count):
        """So many passes, one after the other; what was asked for each."""
        prices = []
        for _ in range(count):
            challenge = self.challenge(client, headers)
            answer = protocol.redeem(client, challenge, protocol.solve(challenge), headers=headers)
            self.assertEqual((answer.status, answer.json()["grants"]), (200, 100), answer)
            prices.append(self.price(challenge))
        return prices

    def test_who_redeems_much_pays_more_and_nobody_else(self):
        client = self.serve(POLICIES)
        prices = self.buy(client, SCRAPER, TOLERANCE + 14)
        for price in prices[:TOLERANCE]:
            self.assertAlmostEqual(price, 1, places=2)
        self.assertEqual(prices[TOLERANCE:], sorted(prices[TOLERANCE:]))
        self.assertTrue(1.9 < prices[-1] < 2.1, prices)
        for headers in (NEIGHBOUR, STRANGER):
            self.assertAlmostEqual(self.price(self.challenge(client, headers)), 1, places=2)
        # A refusal, its record, the access log and the metrics say the same.
        refused = client.get("/v1/x", SCRAPER)
        self.assertEqual(refused.status, 401)
        price = self.price(refused.json()["challenge"])
        self.assertTrue(prices[-1] <= price < 2.3, price)
        record = self.refusal(refused.header("x-request-id"))
        self.assertAlmostEqual(record["price"], price, places=1)
        self.assertAlmostEqual(record["challenge"]["difficulty"] / 1000, price, places=2)
        self.assertAlmostEqual(self.gateway.accessed(refused.header("x-request-id"))["price"], price, places=1)
        samples = self.samples()
        self.assertEqual(samples["tollgate_price", (("policy", "p"),)], 1)
        # Those of the two others, and the first of the scraper's.
        self.assertEqual(samples["tollgate_client_price_bucket", (("le", "1"),)], 2 + TOLERANCE)
        self.assertEqual(samples["tollgate_client_price_bucket", (("le", str(HIGHEST)),)], 2 + len(prices) + 1)

    def test_a_stock_of_cheap_challenges_is_worth_what_it_is_then(self):
        client = self.serve(POLICIES)
        stock = [self.challenge(client, SCRAPER) for _ in range(65)]
        self.assertEqual({challenge["grants"] for challenge in stock}, {100})
        grants = []
        for challenge in stock:
            answer = protocol.redeem(client, challenge, protocol.solve(challenge), headers=SCRAPER)
            self.assertEqual(answer.status, 200, answer)
            grants.append(answer.json()["grants"])
        self.assertEqual(grants[:TOLERANCE], [100] * TOLERANCE)
        self.assertEqual(grants, sorted(grants, reverse=True))
        self.assertIn(grants[-1], (25, 26))
        shown = [*SCRAPER, ("PoW-Pass", answer.json()["pass"])]
        used = client.get("/v1/x", shown)
        self.assertEqual(used.status, 200)
        self.assertTrue(used.header("ratelimit-policy").startswith(f'"pass";q={grants[-1]};'), used)
        self.assertTrue(used.header("ratelimit").startswith(f'"pass";r={grants[-1] - 1};'), used)
        statuses = [client.get("/v1/x", shown).status for _ in range(grants[-1])]
        self.assertEqual(statuses, [200] * (grants[-1] - 1) + [401])

    def test_who_asks_for_thousands_gets_no_more(self):
        client = self.serve(POLICIES)
        path = f"{protocol.CHALLENGE}?policy=p"
        answer = None
        for _ in range(20_000):
            answer = client.get(path, SCRAPER)
            if answer.status != 200:
                break
        self.assertEqual((answer.status, answer.json()["type"]), (429, "urn:tollgate:over-limit"), answer)
        self.assertNotIn("challenge", answer.json())
        self.assertGreaterEqual(int(answer.header("retry-after")), 1)
        refused = client.get("/v1/x", SCRAPER)
        self.assertEqual((refused.status, refused.json()["type"]), (429, "urn:tollgate:over-limit"), refused)
        self.assertIsNone(refused.header("pow-challenge"))
        self.assertEqual(client.get(path, NEIGHBOUR).status, 200)
        self.assertGreaterEqual(self.samples()["tollgate_challenges_total", (("policy", "p"), ("event", "withheld"))], 2)


if __name__ == "__main__":
    unittest.main()
