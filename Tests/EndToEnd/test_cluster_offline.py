"""What each policy does without a majority: deny, admit, or sell work that is good at one node alone; and when there is one again.

What counts is what the upstream has seen. The rate gives nothing back while a test runs.
"""

import time
import unittest

import protocol
from clients import from_client
from cluster_case import ClusterCase

BURST, GRANTS, CEILING = 50, 5, 12
#: What a decision may take, seconds.
DECISION = 2
SETTINGS = """
upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
routes:
  - {{ name: deny, match: {{ path: "/deny/*" }}, upstream: app, policy: deny }}
  - {{ name: admit, match: {{ path: "/admit/*" }}, upstream: app, policy: admit }}
  - {{ name: work, match: {{ path: "/*" }}, upstream: app, policy: work }}
policies:
  deny:
    preset: api
    onQuorumLoss: deny
    free: {{ rate: 1/day, burst: {burst} }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1 }}
  admit:
    preset: api
    onQuorumLoss: admit
    free: {{ rate: 1/day, burst: {burst} }}
    ceiling: {{ rate: 1/day, burst: 1000 }}
    work: {{ difficulty: 64, rounds: 1 }}
  work:
    preset: api
    free: {{ rate: 1/day, burst: 10 }}
    ceiling: {{ rate: 1/day, burst: {ceiling} }}
    work: {{ difficulty: 64, rounds: 1, grants: {grants}, ttl: 1h, challengeTtl: 30m }}
"""


class OfflineTests(ClusterCase):
    policy = "work"

    def setUp(self):
        super().setUp()
        self.settings = SETTINGS.format(upstream=self.upstream.authority, burst=BURST, grants=GRANTS, ceiling=CEILING)
        self.start_cluster()
        self.cluster.wait_until(
            lambda: all((node.status() or {}).get("ledger_version", 0) >= 2 for node in self.cluster), "all know reports"
        )

    def part(self):
        """Cuts all from all, and waits until each says that it has no majority."""
        for name in self.cluster.nodes:
            self.network.isolate(name, self.cluster.nodes)
        for node in self.cluster:
            self.cluster.wait_until(lambda node=node: node.probe("/readyz?quorum=1").status == 503, f"{node.name} knows it")

    def join(self):
        self.network.heal()
        self.cluster.wait_ready()

    def metric(self, node, name, policy):
        text = node.probe("/metrics").body.decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f'{name}{{policy="{policy}"}}'))

    def refusal(self, node, number=1, *more):
        """That of work, with its challenge."""
        answer = self.get(node, "/w", number, *more)
        self.assert_refused(answer, 429, "work-required")
        return answer.json()

    def offline_challenge(self, node, number=1):
        """The challenge of a node that knows that it has no majority; the first to ask may have to wait for that."""
        challenge = self.refusal(node, number)["challenge"]
        self.assertGreater(len(challenge["challenge"]), 112, "it says whose it is")
        return challenge

    def test_deny(self):
        a, *_ = self.cluster
        self.part()
        self.assert_refused(self.get(a, "/deny/1", 1), 503, "no-quorum")
        self.assertEqual(self.seen["/deny/1"], 0)
        self.assertEqual(a.probe("/readyz").status, 200, "other policies go on")
        self.join()
        self.assertEqual(self.get(a, "/deny/1", 1).status, 200)

    def test_admit_lets_through_and_charges_it_afterwards(self):
        a, b, c = self.cluster
        self.part()
        self.assertEqual(self.get(a, "/admit/1", 1).status, 200)
        begun = time.monotonic()
        with self.at(a) as client:
            statuses = [client.get("/admit/1", from_client(1)).status for _ in range(BURST + 20)]
        self.assertEqual(statuses, [200] * (BURST + 20), "more than the limit")
        self.assertLess(time.monotonic() - begun, DECISION * len(statuses) / 2, "not each has waited")
        for _ in range(10):
            self.assertEqual(self.get(a, "/admit/2", 2).status, 200)
        self.assertEqual(self.metric(a, "tollgate_admitted_without_quorum_total", "admit"), BURST + 31)
        # Of each request a unit of the free limit, and one of the ceiling.
        self.assertEqual(self.metric(a, "tollgate_unreported_units", "admit"), 2 * (BURST + 31))
        self.join()
        self.cluster.wait_until(lambda: self.metric(a, "tollgate_unreported_units", "admit") == 0, "a has told it")
        self.cluster.wait_until(lambda: self.get(b, "/admit/3", 1).status == 429, "b knows it")
        for node in (b, c, a):
            self.assert_refused(self.get(node, "/admit/3", 1), 429, "work-required")
        had = 0
        while self.get(b, "/admit/4", 2).status == 200:
            had += 1
        self.assertEqual(had, BURST - 10)
        self.assertEqual(self.seen["/admit/1"], BURST + 21)

    def test_work_sells_what_is_good_at_one_node_alone(self):
        a, b, c = self.cluster
        ordinary = self.challenge(a)
        self.part()
        challenges = {node.name: self.offline_challenge(node) for node in self.cluster}
        solutions = {name: protocol.solve(challenge) for name, challenge in challenges.items()}
        # A solution is good where it was asked for, once.
        for other in (b, c):
            answer = self.redeem(other, challenges["a"], solutions["a"])
            self.assert_refused(answer, 410, "expired")
            self.assertIn("the node alone that issued it", answer.json()["detail"])
        answer = self.redeem(a, challenges["a"], solutions["a"], key="k")
        self.assertEqual((answer.status, answer.json()["grants"]), (200, GRANTS))
        token = answer.json()["pass"]
        self.assert_refused(self.redeem(a, challenges["a"], solutions["a"]), 409, "already-spent")
        self.assertEqual(self.redeem(a, challenges["a"], solutions["a"], key="k").json()["pass"], token)
        self.assert_refused(self.redeem(a, challenges["a"], protocol.wrong_solution(challenges["a"], solutions["a"])), 409,
                            "already-spent")
        # So is its pass.
        refusal = self.refusal(b, 1, ("PoW-Pass", token))
        self.assertIn("one node alone", refusal["detail"])
        self.assertEqual([self.get(a, "/w", 1, ("PoW-Pass", token)).status for _ in range(GRANTS)], [200] * GRANTS)
        self.refusal(a, 1, ("PoW-Pass", token))
        # What a majority has to spend waits for one.
        self.assert_refused(self.redeem(a, ordinary, protocol.solve(ordinary), key="o"), 503, "no-quorum")
        # Another client cannot have it.
        mine = self.offline_challenge(a, 2)
        self.assert_refused(self.redeem(a, mine, protocol.solve(mine), number=3), 403, "other-client")
        self.join()
        self.assertEqual(self.redeem(a, ordinary, protocol.solve(ordinary), key="o").status, 200)
        self.assertEqual(self.metric(a, "tollgate_admitted_without_quorum_total", "work"), GRANTS)

    def test_the_ceiling_holds_at_each_node_and_is_charged_afterwards(self):
        a, b, _ = self.cluster
        self.part()
        tokens = []
        for _ in range(3):
            challenge = self.offline_challenge(a)
            in_line = f"{challenge['challenge']}.{protocol.solve(challenge)}"
            answer = self.get(a, "/w", 1, ("PoW-Solution", in_line))
            self.assertEqual(answer.status, 200, answer)
            tokens.append(answer.header("pow-pass"))
        uses = [self.get(a, "/w", 1, ("PoW-Pass", token)) for token in tokens for _ in range(GRANTS - 1)]
        self.assertEqual([answer.status for answer in uses].count(200), CEILING - 3)
        self.assert_refused(uses[-1], 429, "over-limit")
        self.join()
        self.cluster.wait_until(lambda: self.metric(a, "tollgate_unreported_units", "work") == 0, "a has told it")
        self.cluster.wait_until(lambda: self.get(b, "/w", 1).status == 429, "b knows it")
        self.assert_refused(self.get(b, "/w", 1), 429, "over-limit")
        self.assertEqual(self.get(b, "/w", 2).status, 200)

    def test_what_is_left_of_a_pass_is_good_until_its_node_ends(self):
        a, b, _ = self.cluster
        self.part()
        challenge, other = self.offline_challenge(a), self.offline_challenge(a)
        token = self.redeem(a, challenge, protocol.solve(challenge)).json()["pass"]
        self.assertEqual(self.get(a, "/w", 1, ("PoW-Pass", token)).status, 200)
        self.join()
        # The free limit is there again; a pass is asked first.
        left = self.get(a, "/w", 1, ("PoW-Pass", token)).header("ratelimit")
        self.assertIn(f'"pass";r={GRANTS - 2}', left)
        self.assertNotIn("pass", self.get(b, "/w", 1, ("PoW-Pass", token)).header("ratelimit"))
        a.kill()
        a.launch()
        self.cluster.wait_ready()
        self.assertNotIn("pass", self.get(a, "/w", 1, ("PoW-Pass", token)).header("ratelimit"))
        self.assert_refused(self.redeem(a, other, protocol.solve(other)), 410, "expired")


if __name__ == "__main__":
    unittest.main()
