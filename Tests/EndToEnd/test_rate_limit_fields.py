"""`RateLimit` and `RateLimit-Policy` as an independent parser of structured fields (RFC 9651) reads them.

The parser comes from PyPI into .venv beside this, once.
"""

import glob
import os
import subprocess
import sys
import unittest

import protocol
from client import Client
from limits_case import LimitsTestCase, from_client

HERE = os.path.dirname(os.path.abspath(__file__))
INTEGER_MAX = 999_999_999_999_999

subprocess.run([os.path.join(HERE, "..", "python-environment.sh")], cwd=HERE, check=True)
sys.path += glob.glob(os.path.join(HERE, ".venv", "lib", "python*", "site-packages"))

import http_sf  # noqa: E402

WORK = "work: { difficulty: 64, rounds: 2, grants: 3, ttl: 2m }"


class ParsedFieldTests(LimitsTestCase):
    def parse(self, answer, field):
        """A list of items that are strings, each with parameters: as a mapping of the strings."""
        values = [value for name, value in answer.headers if name.lower() == field]
        self.assertEqual(len(values), 1, answer)
        items = http_sf.parse(values[0].encode("ascii"), tltype="list")
        for name, parameters in items:
            # A token would be of another type.
            self.assertIs(type(name), str)
            self.assertTrue(all(type(value) is int for value in parameters.values()), parameters)
        found = {name: dict(parameters) for name, parameters in items}
        self.assertEqual(len(found), len(items), "a limit is named twice")
        return found

    def check(self, answer, names, bursts=None):
        policy, state = self.parse(answer, "ratelimit-policy"), self.parse(answer, "ratelimit")
        self.assertEqual(list(policy), names, answer)
        self.assertEqual(list(state), names, answer)
        for name in names:
            self.assertEqual(set(policy[name]), {"q", "w"})
            self.assertEqual(set(state[name]), {"r", "t"})
            self.assertTrue(1 <= policy[name]["q"] <= INTEGER_MAX and 1 <= policy[name]["w"] <= INTEGER_MAX, policy)
            self.assertTrue(0 <= state[name]["r"] <= INTEGER_MAX and 0 <= state[name]["t"] <= INTEGER_MAX, state)
            if bursts:
                self.assertLessEqual(state[name]["r"], bursts[name])
        return policy, state

    def test_every_level_of_consistency(self):
        limits = "free: [{ rate: 60/hour, burst: 3 }, { key: all, rate: 1000/s, burst: 900 }], ceiling: { rate: 120/hour, burst: 5 }"
        levels = ["strong", "escrow", "eventual"]
        self.serve({level: f"{{ consistency: {level}, onQuorumLoss: deny, {limits}, {WORK} }}" for level in levels})
        bursts = {"free": 3, "free-2": 900, "ceiling": 5, "pass": 3}
        free = ["free", "free-2", "ceiling"]
        for level in levels:
            address = from_client("198.18.0.1")
            answers = [self.client.get(f"/{level}/x", address) for _ in range(4)]
            self.assertEqual([answer.status for answer in answers], [200, 200, 200, 429])
            left = [self.check(answer, free, bursts)[1]["free"]["r"] for answer in answers]
            self.assertEqual(left, [2, 1, 0, 0], level)
            paid = [*address, ("PoW-Pass", self.buy_pass(level))]
            for number in range(2):
                answer = self.client.get(f"/{level}/x", paid)
                self.assertEqual(answer.status, 200, (level, answer, answer.body))
                _, state = self.check(answer, ["pass", "ceiling"], bursts)
                self.assertEqual((state["pass"]["r"], state["ceiling"]["r"]), (2 - number, 1 - number))
            # Over the ceiling: its field alone.
            answer = self.client.get(f"/{level}/x", paid)
            self.assertEqual(answer.status, 429)
            self.assertEqual(self.check(answer, ["ceiling"], bursts)[1]["ceiling"]["r"], 0)

    def test_the_largest_and_the_smallest_limits(self):
        self.serve(
            {
                "large": f"{{ free: {{ rate: 1000000/s, burst: 1000000000 }}, ceiling: off, {WORK} }}",
                "small": f"{{ free: {{ rate: 1/day, burst: 1 }}, ceiling: off, {WORK} }}",
                "none": f"{{ free: {{ rate: 0 }}, ceiling: {{ rate: 1/day, burst: 1 }}, {WORK} }}",
            }
        )
        address = from_client("198.18.0.2")
        large = self.check(self.client.get("/large/x", address), ["free"])
        self.assertEqual(large[1]["free"]["r"], 999_999_999)
        small = self.check(self.client.get("/small/x", address), ["free"])
        self.assertEqual((small[0]["free"], small[1]["free"]["r"]), ({"q": 1, "w": 86_400}, 0))
        self.assertTrue(86_000 < small[1]["free"]["t"] <= 86_400)
        paid = [*address, ("PoW-Pass", self.buy_pass("none"))]
        self.check(self.client.get("/none/x", paid), ["pass", "ceiling"])

    def test_a_redemption_in_line_and_a_request_of_each_method(self):
        self.serve({"api": f"{{ free: {{ rate: 0 }}, ceiling: {{ rate: 1000/s }}, {WORK} }}"})
        address = from_client("198.18.0.3")
        challenge = self.client.get(f"{protocol.CHALLENGE}?policy=api", address).json()
        text = f"{challenge['challenge']}.{protocol.solve(challenge)}"
        with Client(self.gateway.address) as client:
            answer = client.get("/api/x", [*address, ("PoW-Solution", text)])
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.check(answer, ["pass", "ceiling"])[1]["pass"]["r"], 2)
        answer = self.client.request("HEAD", "/api/x", [*address, ("PoW-Pass", answer.header("pow-pass"))])
        self.assertEqual(answer.status, 200, answer)
        self.check(answer, ["pass", "ceiling"])


if __name__ == "__main__":
    unittest.main()
