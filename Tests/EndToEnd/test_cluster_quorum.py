"""Whoever has no majority says so and admits nobody; whoever has one goes on; and when all hear one another again they are one."""

import os
import unittest
import unittest.mock

import protocol
from cluster_case import ClusterCase
from harness import parallel

#: Of one decision: after it the gateway says that it cannot decide. And what slow machines may add, seconds.
DECISION_TIMEOUT, SLACK = 2, 8


class QuorumTests(ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster()

    def check_minority(self, node, label):
        """It refuses, each within its time."""
        challenge = self.challenge(node)
        for answer in parallel(3, lambda index: self.get(node, f"/{label}", 100 + index, timeout=DECISION_TIMEOUT + SLACK)):
            self.assert_refused(answer, 503, "no-quorum")
            self.assertRegex(answer.header("retry-after"), "^[1-9][0-9]*$")
        answer = self.redeem(node, challenge, protocol.solve(challenge), timeout=DECISION_TIMEOUT + SLACK)
        self.assert_refused(answer, 503, "no-quorum")
        self.cluster.wait_until(lambda: node.probe("/readyz").status == 503, f"{node.name} is not ready")
        self.assertEqual(node.probe("/readyz?quorum=1").status, 503)
        self.assertEqual(node.probe("/healthz").status, 200)
        self.assertEqual(self.seen[f"/{label}"], 0)

    def check_majority(self, nodes, label):
        for node in nodes:
            answer = self.get(node, f"/{label}", 100)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(self.use(node, self.buy(node)).status, 200)

    def isolate(self, node):
        self.network.isolate(node.name, self.cluster.nodes)
        return [other for other in self.cluster if other is not node]

    def check_healed(self):
        self.network.heal()
        self.cluster.wait_ready()
        self.check_majority(self.cluster, "healed")
        self.check_equal()

    def test_a_follower_alone(self):
        leader = self.cluster.leader()
        follower = next(node for node in self.cluster if node is not leader)
        others = self.isolate(follower)
        self.check_minority(follower, "minority")
        self.check_majority(others, "majority")
        self.check_healed()

    def test_a_leader_alone(self):
        leader = self.cluster.leader()
        others = self.isolate(leader)
        self.cluster.leader(among=[node.name for node in others])
        self.check_minority(leader, "minority")
        self.check_majority(others, "majority")
        self.check_healed()

    def check_deaf_or_mute(self, choose):
        """Who is still heard by the others, or still hears them, has no majority for all that."""
        for what, cut in [
            ("hears nobody", lambda node, other: self.network.cut(other.name, node.name)),
            ("is heard by nobody", lambda node, other: self.network.cut(node.name, other.name)),
        ]:
            with self.subTest(what):
                node = choose(self.cluster.leader())
                others = [other for other in self.cluster if other is not node]
                for other in others:
                    cut(node, other)
                self.cluster.leader(among=[other.name for other in others])
                self.check_minority(node, what.replace(" ", "-"))
                self.check_majority(others, "majority")
                self.check_healed()

    def test_a_follower_that_is_deaf_or_mute(self):
        self.check_deaf_or_mute(lambda leader: next(node for node in self.cluster if node is not leader))

    def test_a_leader_that_is_deaf_or_mute(self):
        self.check_deaf_or_mute(lambda leader: leader)

    def test_all_alone_and_two_that_are_dead(self):
        for name in self.cluster.nodes:
            self.network.isolate(name, self.cluster.nodes)
        for node in self.cluster:
            with self.subTest(node.name):
                self.check_minority(node, f"alone-{node.name}")
        self.check_healed()
        one, *others = self.cluster
        for node in others:
            node.kill()
        self.check_minority(one, "last")
        for node in others:
            node.launch()
        self.check_healed()


class TrialTests(ClusterCase):
    def test_a_node_that_lets_some_through_stays_ready_alone(self):
        trial = self.settings.replace("policies:\n  strong:\n", "policies:\n  strong:\n    enforce: false\n", 1)
        self.assertNotEqual(trial, self.settings)
        self.settings = trial
        self.start_cluster()
        one, *others = self.cluster
        for node in others:
            node.kill()
        self.cluster.wait_until(lambda: one.probe("/readyz?quorum=1").status == 503, "it says that it has no majority")
        self.assertEqual(one.probe("/readyz").status, 200)
        self.assertEqual(self.get(one, "/tried", 1, timeout=DECISION_TIMEOUT + SLACK).status, 200)


class UnheardTests(ClusterCase):
    def setUp(self):
        # Connections that go on while what is sent on them in one direction is held back.
        with unittest.mock.patch.dict(os.environ, TOLLGATE_NETWORK="relays"):
            super().setUp()
        self.start_cluster()

    def test_who_hears_the_leader_and_is_not_heard_is_not_ready_until_it_is(self):
        leader = self.cluster.leader()
        unheard = next(node for node in self.cluster if node is not leader)
        for other in self.cluster:
            if other is not unheard:
                self.network.cut(unheard.name, other.name)
        self.assert_refused(self.get(unheard, "/unheard", 1, timeout=30), 503, "no-quorum")
        self.assertEqual(unheard.status()["leader"], leader.name, "it hears it")
        for path in ("/readyz", "/readyz?quorum=1"):
            answer = unheard.probe(path)
            self.assertEqual((answer.status, answer.body), (503, b"not ready: no quorum\n"))
        self.assertIn("\ntollgate_quorum 0\n", unheard.probe("/metrics").body.decode())
        self.assertTrue(leader.is_ready())
        self.network.heal()
        self.cluster.wait_until(unheard.is_ready, "it is ready, and nobody has asked it anything")
        self.assertEqual(self.get(unheard, "/heard", 1).status, 200)
        self.assertEqual(self.seen["/unheard"], 0)


if __name__ == "__main__":
    unittest.main()
