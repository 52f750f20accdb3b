"""`tollgate quota` and `tollgate override` with three nodes, as an operator types them, at whichever node."""

import json
import unittest

from clients import client_address
from operator_case import run
from override_case import BURST, ESCROW_BURST, OverrideCase, place


class QuotaTests(OverrideCase):
    def test_what_is_left_is_told_at_each_node(self):
        a, b, c = self.start()
        client = client_address(1)
        for _ in range(3):
            self.assertEqual(self.get(a, "/x", 1).status, 200)
        for node in (a, b, c):
            text = self.done(node, "quota", "get", "strong", client)
            self.assertIn(f"{client} under policy strong:", text)
            self.assertIn(f"free: {BURST - 3} of {BURST} left, 1/day, counted by client; full in ", text)
        document = json.loads(self.done(b, "quota", "get", "--json", "strong", client))
        self.assertEqual((document["consistency"], document["nodes"], document["override"]), ("strong", 3, None))
        limits = {limit["name"]: limit for limit in document["limits"]}
        # Who shows no header is counted as a client there too.
        self.assertEqual({name: limit["remaining"] for name, limit in limits.items()}, {"free": 7, "free-2": 7})
        self.assertEqual(limits["free"]["bucket"], "own")
        self.assertIn("ceiling: ", self.done(c, "quota", "get", "strong", "all"))

    def test_a_reset_forgives_at_each_node(self):
        a, b, c = self.start()
        client = client_address(1)
        self.assertEqual(self.drain(a, 1), BURST)
        self.assertEqual(
            self.done(b, "quota", "reset", "strong", client),
            f"free: full again, by {BURST} units\nfree-2: full again, by {BURST} units\n",
        )
        self.assertEqual(self.quota(c, 1)["limits"][0]["remaining"], BURST)
        self.assertEqual(sum(self.drain(node, 1) for node in (c, a, b)), BURST)
        self.done(a, "quota", "reset", "strong", client)
        self.assertEqual(self.done(a, "quota", "reset", "strong", client), "free: was full\nfree-2: was full\n")

    def test_slices_that_are_out_bound_what_a_reset_gives(self):
        a, b, c = self.start()
        first = sum(self.drain(node, 1, "/escrow/x", 2_000) for node in (a, b, c))
        self.assertLessEqual(first, ESCROW_BURST)
        self.done(c, "quota", "reset", "escrow", client_address(1))
        second = sum(self.drain(node, 1, "/escrow/x", 2_000) for node in (b, c, a))
        self.assertGreater(second, ESCROW_BURST // 2)
        # A full bucket, and at most what was out.
        self.assertLessEqual(first + second, 2 * ESCROW_BURST)

    def test_what_is_wrong_is_said(self):
        a, *_ = self.start()
        self.assertIn("no policy of this name", self.fails(a, "quota", "get", "none", "all"))
        self.assertIn("198.18.0.0/24", self.fails(a, "quota", "get", "networks", client_address(1)))
        self.assertIn("this is no key", self.fails(a, "quota", "reset", "strong", "nobody"))


class OverrideTests(OverrideCase):
    def test_overrides_are_set_listed_and_removed(self):
        a, b, c = self.start()
        client = client_address(1)
        self.assertEqual(self.done(a, "override", "list"), "There are no overrides.\n")
        text = self.done(a, "override", "set", "strong", client, "--rate", "60/min", "--burst", "30")
        self.assertRegex(text, rf"^{client} under policy strong: free: 1/s with bursts of 30 \(version \d+\)\.$")
        version = json.loads(self.done(c, "quota", "get", "strong", client, "--json"))["override"]["version"]
        self.assertIn("Nothing has changed", self.fails(c, "override", "set", "strong", client, "--deny", "--if-absent"))
        self.assertIn(
            f"There is version {version}",
            self.fails(c, "override", "set", "strong", client, "--deny", "--if-version", str(version + 1)),
        )
        text = self.done(c, "override", "set", "strong", client, "--deny", "--for", "2h", "--if-version", str(version))
        self.assertIn("banned for 2 h", text)
        self.assertIn("override, version ", self.done(b, "quota", "get", "strong", client))
        self.done(b, "override", "set", "networks", "198.18.0.0/24", "--rate", "1/day")
        lines = self.done(a, "override", "list").splitlines()
        self.assertEqual(len(lines), 2)
        strong = next(line for line in lines if line.startswith("strong  "))
        self.assertRegex(strong, rf"^strong  {client}  banned for (2 h|119 min)  \(version \d+\)$")
        networks = next(line for line in lines if line is not strong)
        self.assertRegex(networks, r"^networks  198\.18\.0\.0/24  free: 1/day with bursts of 1  \(version \d+\)$")
        self.assertEqual(self.done(a, "override", "list", "--policy", "networks").count("\n"), 1)
        self.assertIn("Nothing has changed", self.fails(a, "override", "remove", "strong", client, "--if-version", "1000000"))
        gone = f"There is no override of {client} under policy strong.\n"
        self.assertEqual(self.done(a, "override", "remove", "strong", client), gone)
        self.assertEqual(self.done(b, "override", "remove", "strong", client), gone)
        self.assertEqual(self.ask(c, "GET", place("overrides", "strong", client)).status, 404)

    def test_the_command_line_is_checked(self):
        for arguments in (
            ("override", "set", "p", "all"),
            ("override", "set", "p", "all", "--deny", "--rate", "1/s"),
            ("override", "set", "p", "all", "--deny", "--burst", "3"),
            ("override", "set", "p", "all", "--rate", "1/s", "--for", "1h"),
            ("override", "set", "p", "all", "--deny", "--if-absent", "--if-version", "1"),
        ):
            self.assertEqual(run(*arguments).returncode, 64, arguments)


if __name__ == "__main__":
    unittest.main()
