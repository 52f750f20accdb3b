"""Empty nodes found one cluster, in whatever order they start and whenever they are killed; those of differing lists found none."""

import os
import time
import unittest

from cluster_case import ClusterCase

ROUNDS = int(os.environ.get("TOLLGATE_CLUSTER_GENESES") or 6)
#: The longest wait before a node is killed, seconds: founding takes less.
SOON = 1.5


class GenesisTests(ClusterCase):
    def check_one(self):
        """All are in one cluster, and it works."""
        self.cluster.wait_ready()
        statuses = [node.status() for node in self.cluster]
        self.assertEqual(len({status["cluster_id"] for status in statuses}), 1)
        names = sorted(self.cluster.nodes)
        for status in statuses:
            self.assertEqual(sorted(member["name"] for member in status["members"] if member["voter"]), names)
        token = self.buy(self.cluster["a"])
        self.assertEqual([self.use(node, token).status for node in self.cluster], [200] * 3)

    def test_any_order_and_any_killed_at_any_time(self):
        for _ in range(ROUNDS):
            cluster = self.make_cluster("abc")
            events = [("start", name) for name in "abc"]
            events += [("kill", self.random.choice("abc")) for _ in range(self.random.randrange(4))]
            self.random.shuffle(events)
            plan = [(what, name, self.random.uniform(0, SOON)) for what, name in events]
            with self.subTest(str(plan)):
                for what, name, wait in plan:
                    # When it happens is what is tried.
                    time.sleep(wait)
                    node = cluster[name]
                    if what == "start" and not node.is_running():
                        node.launch()
                    elif what == "kill" and node.is_running():
                        node.kill()
                        node.launch()
                for node in cluster:
                    if not node.is_running():
                        node.launch()
                self.check_one()
            cluster.stop()

    def test_differing_lists_found_nothing_and_say_why(self):
        cluster = self.make_cluster("abc")
        cluster["a"].seeds = ["a", "b"]
        cluster["a"].configure()
        cluster.launch()
        for node in cluster:
            cluster.wait_until(lambda node=node: node.has_logged("list of seeds"), f"{node.name} says what is wrong")
        cluster.wait_until(lambda: cluster["a"].has_logged(f'only there are c ({cluster["c"].place.advertise})'), "a says which")
        cluster.wait_until(lambda: cluster["b"].has_logged("Give all nodes the same list and start them again"), "b says what to do")
        for node, agreeing in [(cluster["b"], "c"), (cluster["c"], "b")]:
            # Neither sends its operator to the other one only.
            cluster.wait_until(lambda node=node, agreeing=agreeing: any(alarm.startswith(f"Node {agreeing} has heard of another list")
                                                                        for alarm in self.alarms(node)), "it is told of more")
            self.assertRegex(self.alarms(node)[0], "^Node a has another list of seeds.*only here are c ")
        for node in cluster:
            self.assertFalse(node.is_ready())
            self.assertIn((node.status() or {}).get("cluster_id"), (None, ""))
        # What was said is done.
        cluster["a"].seeds = ["a", "b", "c"]
        cluster["a"].configure()
        cluster["a"].terminate()
        cluster["a"].wait_exit()
        cluster["a"].launch()
        self.check_one()
        for node in cluster:
            self.assertEqual(self.alarms(node), [])

    def alarms(self, node):
        return (node.status() or {}).get("alarms", [])

    def test_a_seed_that_does_not_come_is_named(self):
        cluster = self.make_cluster("abc")
        cluster["a"].launch()
        cluster["b"].launch()
        cluster.wait_until(lambda: cluster["a"].has_logged("No word from c"), "a says who is missing")
        self.assertFalse(cluster["a"].is_ready())
        cluster["c"].launch()
        self.check_one()

    def test_an_empty_node_founds_nothing_beside_a_cluster(self):
        cluster = self.start_cluster()
        cluster_id = cluster["a"].status()["cluster_id"]
        lost = cluster["c"]
        lost.kill()
        lost.wipe()
        lost.launch()
        cluster.wait_until(lambda: lost.has_logged(f"Cluster {cluster_id} exists already, without this replica"), "c says what to do")
        self.assertFalse(lost.is_ready())
        cluster.wait_ready(["a", "b"])


if __name__ == "__main__":
    unittest.main()
