"""Limits that one node's file changes and all have: who says so, what a file that cannot be offered comes to, and restarts."""

import itertools
import os
import unittest

import promtool
from cluster_case import ClusterCase

OTHER_FILE = "the limits in force are not those of this node's file"


class LimitsTests(ClusterCase):
    @classmethod
    def setUpClass(cls):
        promtool.path()

    def setUp(self):
        super().setUp()
        self.clients = itertools.count(10_000)
        self.start_cluster()

    def write(self, node, free):
        """Gives a node a file with these free limits."""
        node.settings = self.settings.replace("free: { rate: 1/day, burst: 1000 }", f"free: {free}")
        self.assertNotEqual(node.settings, self.settings)
        node.configure()

    @staticmethod
    def lines(node, text):
        return [line for line in list(node.lines) if text in str(line)]

    def count(self, node, text):
        return len(self.lines(node, text))

    def burst(self, node):
        """That of the limit by which a node decides, as it tells a new client. None where it does not decide, or does not listen yet."""
        try:
            left = self.get(node, "/limits", next(self.clients)).header("ratelimit")
        except ConnectionRefusedError:
            return None
        return left and int(left.split("r=")[1].split(";")[0]) + 1

    def listens(self, node):
        try:
            return self.get(node, "/limits", next(self.clients)) is not None
        except ConnectionRefusedError:
            return False

    def limits(self, node):
        """How many limits a request is charged to."""
        policy = self.get(node, "/limits", next(self.clients)).header("ratelimit-policy")
        return policy and len(policy.split(","))

    def metric(self, node, name):
        text = node.probe("/metrics").body.decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def wait_burst(self, burst, nodes=None):
        for node in nodes or self.cluster:
            self.cluster.wait_until(lambda node=node: self.burst(node) == burst, f"{node.name} has {burst}")

    def test_a_node_says_once_that_another_nodes_file_holds_and_when_its_own_does_again(self):
        a, b, c = self.cluster
        self.write(a, "{ rate: 1/day, burst: 700 }")
        self.wait_burst(700)
        for node in (b, c):
            # Nothing has happened to it but what the ledger says.
            self.cluster.wait_until(lambda node=node: node.has_logged(OTHER_FILE), f"{node.name} says so")
            self.assertEqual(self.metric(node, "tollgate_limits_differ"), 1)
        self.assertEqual(self.metric(a, "tollgate_limits_differ"), 0)
        self.write(a, "{ rate: 1/day, burst: 800 }")
        self.wait_burst(800)
        self.cluster.wait_until(lambda: self.count(b, OTHER_FILE) == 2, "b says it of the next change")
        for number in range(50):
            self.get(b, "/more", number)
        self.assertEqual(promtool.check(b.probe("/metrics").body.decode()), "")
        self.write(b, "{ rate: 1/day, burst: 800 }")
        self.cluster.wait_until(lambda: self.metric(b, "tollgate_limits_differ") == 0, "b has the same file")
        self.cluster.wait_until(lambda: b.has_logged("are those of this node's file again"), "b says so")
        self.assertEqual((self.count(a, OTHER_FILE), self.count(b, OTHER_FILE)), (0, 2))

    def test_a_file_that_nobody_could_decide_on_is_taken_when_there_is_a_majority_again(self):
        a, b, c = self.cluster
        b.kill()
        c.kill()
        self.write(a, "{ rate: 1/day, burst: 700 }")
        self.cluster.wait_until(lambda: a.has_logged("it is tried again by itself"), "a says so")
        self.assertEqual(self.metric(a, "tollgate_config_reload_ok"), 0)
        self.assertFalse(a.has_logged("configuration reloaded"))
        b.launch()
        c.launch()
        self.cluster.wait_until(lambda: a.has_logged("configuration reloaded"), "a has taken its file")
        self.wait_burst(700)
        self.assertEqual(self.metric(a, "tollgate_config_reload_ok"), 1)
        self.assertEqual(self.metric(a, "tollgate_limits_differ"), 0)

    def test_the_newest_file_of_those_that_wait_is_taken(self):
        a, b, c = self.cluster
        b.kill()
        c.kill()
        for burst in (700, 800, 900):
            said = self.count(a, "it is tried again by itself")
            self.write(a, f"{{ rate: 1/day, burst: {burst} }}")
            self.cluster.wait_until(lambda: self.count(a, "it is tried again by itself") > said, "a says so")
        b.launch()
        c.launch()
        self.wait_burst(900)
        self.cluster.wait_until(lambda: self.count(a, "configuration reloaded") == 1, "a has taken one")
        self.assertEqual(self.metric(a, "tollgate_limits_differ"), 0)

    def test_a_file_that_waits_gives_way_to_one_that_another_node_has_got_meanwhile(self):
        a, b, c = self.cluster
        self.network.isolate("a", self.cluster.nodes)
        self.write(a, "{ rate: 1/day, burst: 700 }")
        self.cluster.wait_until(lambda: a.has_logged("it is tried again by itself"), "a says so")
        self.cluster.leader(among=["b", "c"])
        self.write(b, "{ rate: 1/day, burst: 800 }")
        self.wait_burst(800, [b, c])
        self.network.heal()
        self.cluster.wait_until(lambda: a.has_logged("came into force before this one's could"), "a gives way")
        self.cluster.wait_until(lambda: a.has_logged("configuration reloaded"), "a has taken the rest of it")
        self.wait_burst(800)
        self.assertEqual(self.metric(a, "tollgate_limits_differ"), 1)
        # Nor does a restart bring it back.
        a.terminate()
        a.wait_exit()
        a.launch()
        self.cluster.wait_ready()
        self.wait_burst(800)
        # Its operator can.
        a.reload()
        self.wait_burst(700)

    def test_limits_that_a_restart_brings_leave_the_former_ones_to_the_other_nodes_for_now(self):
        a, b, c = self.cluster
        a.terminate()
        a.wait_exit()
        self.write(a, "{ key: all, rate: 1/day, burst: 700 }")
        a.launch()
        self.cluster.wait_ready()
        # Those in force are of both files: b and c prepare requests by theirs until they have a's.
        for node in self.cluster:
            self.cluster.wait_until(lambda node=node: self.limits(node) == 2, f"{node.name} has both")
        self.assertEqual(self.metric(a, "tollgate_limits_differ"), 0)
        self.assertEqual(self.metric(b, "tollgate_limits_differ"), 1)

    def offer_in_vain(self, burst):
        """Has the leader write limits into its log that nobody else gets. Returns it and the others, which are gone then."""
        leader = self.cluster.leader()
        others = [node for node in self.cluster if node is not leader]
        for node in others:
            node.pause()
        self.write(leader, f"{{ rate: 1/day, burst: {burst} }}")
        # Before it notices that it leads nobody.
        leader.reload()
        self.cluster.wait_until(lambda: leader.has_logged("it is tried again by itself"), f"{leader.name} says so")
        for node in others:
            node.kill()
        return leader, others

    def test_what_was_offered_in_vain_does_not_outlive_its_file(self):
        leader, others = self.offer_in_vain(600)
        leader.settings = self.settings
        leader.configure()
        leader.kill()
        leader.launch()
        for node in others:
            node.launch()
        self.cluster.wait_ready()
        self.wait_burst(1000)
        for node in self.cluster:
            self.cluster.wait_until(
                lambda node=node: self.metric(node, "tollgate_limits_differ") == 0, f"{node.name} has its own"
            )

    def test_the_newest_file_is_taken_after_however_many_that_were_offered_in_vain(self):
        leader, others = self.offer_in_vain(600)
        for burst in range(701, 708):
            said = self.count(leader, "it is tried again by itself")
            self.write(leader, f"{{ rate: 1/day, burst: {burst} }}")
            self.cluster.wait_until(
                lambda said=said: self.count(leader, "it is tried again by itself") > said, f"{leader.name} says so"
            )
        for node in others:
            node.launch()
        self.wait_burst(707)
        self.cluster.wait_until(lambda: self.metric(leader, "tollgate_config_reload_ok") == 1, "it has taken its file")
        self.assertEqual(self.metric(leader, "tollgate_limits_differ"), 0)

    def test_a_file_that_waits_waits_after_a_restart_too(self):
        a, b, c = self.cluster
        b.kill()
        c.kill()
        self.write(a, "{ rate: 1/day, burst: 700 }")
        self.cluster.wait_until(lambda: a.has_logged("it is tried again by itself"), "a says so")
        a.kill()
        a.launch()
        self.cluster.wait_until(lambda: a.has_logged("it is tried again by itself"), "a says so again")
        self.cluster.wait_until(lambda: self.listens(a), "a listens")
        self.assertEqual(self.metric(a, "tollgate_config_reload_ok"), 0)
        self.assertEqual(self.metric(a, "tollgate_limits_differ"), 0)
        b.launch()
        c.launch()
        self.wait_burst(700)
        self.cluster.wait_until(lambda: self.metric(a, "tollgate_config_reload_ok") == 1, "a has taken its file")

    def test_limits_change_again_though_the_last_change_could_not_be_noted(self):
        a, *_ = self.cluster
        obstacle = os.path.join(a.data, "limits.tmp")
        os.mkdir(obstacle)
        self.write(a, "{ rate: 1/day, burst: 900 }")
        self.wait_burst(900)
        self.cluster.wait_until(lambda: a.has_logged("it cannot be noted"), "a says so")
        os.rmdir(obstacle)
        a.settings = self.settings
        a.configure()
        self.wait_burst(1000)


if __name__ == "__main__":
    unittest.main()
