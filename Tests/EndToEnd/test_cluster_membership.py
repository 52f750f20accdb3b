"""Who is in the cluster changes while it serves: it grows, moves to other hosts, and gets nodes back that have lost their disks."""

import os
import shutil
import unittest

from buyer import Buyer
from cluster_case import BURST, GRANTS, strong_request
from load import UNKNOWN
from membership_case import MembershipCase

CONNECTIONS = 24
ADMITTED = (200, None)


class GrowthTests(MembershipCase):
    def test_from_one_to_three_to_five_and_back_to_three_others_under_load(self):
        cluster = self.make_cluster("abcde", seeds="a")
        a = cluster["a"].launch()
        cluster.wait_ready("a")
        token = self.buy(a)
        self.assertEqual(self.use(a, token).status, 200)
        buyer = Buyer(self, number=20_000).start()
        self.addCleanup(buyer.stop)
        load = self.load(lambda _: ("k1", strong_request(1, "k1")), connections=CONNECTIONS, total=0)

        for name in "bcde":
            with self.subTest(f"{name} comes"):
                self.admit(cluster[name].launch(), at=a)
                cluster.wait_ready(name)
                self.assertEqual(self.use(cluster[name], token).status, 200)
        self.wait_voters("abcde", at=cluster)

        # The leader is among those that go.
        self.change(cluster.leader(), "POST", "transfer", {"to": "b"})
        cluster.wait_until(lambda: cluster.leader() is cluster["b"], "b leads")
        for name in "ba":
            with self.subTest(f"{name} goes"):
                # Clients are led elsewhere first.
                gone = cluster.nodes.pop(name)
                self.addCleanup(gone.stop)
                self.remove(gone, at=cluster["e"])
                cluster.wait_until(lambda gone=gone: not gone.is_ready(), f"{name} is not ready any more")
                self.assert_refused(self.get(gone, "/gone", 300), 503, "no-quorum")
                gone.stop()
        self.wait_voters("cde", at=cluster)
        cluster.leader()
        cluster.wait_ready()
        load.finish(60)
        buyer.stop()
        for node in cluster:
            while self.get(node, "/k1", 1).status == 200:
                pass
        self.assertLessEqual(self.seen["/k1"], BURST)
        undecided = load.seen(UNKNOWN) + load.seen((503, "no-quorum"))
        self.assertGreaterEqual(self.seen["/k1"], BURST - undecided, load)
        self.assertGreater(len(buyer.sales), 0)
        buyer.check()
        *uses, last = [self.use(cluster["cde"[turn % 3]], token).status for turn in range(GRANTS - 4)]
        self.assertEqual(uses, [200] * (GRANTS - 5))
        # Without a challenge, where the load has asked for too many.
        self.assertIn(last, (401, 429))
        self.check_equal()


class ReplacementTests(MembershipCase):
    def setUp(self):
        super().setUp()
        self.start_cluster()
        self.lost = self.cluster["c"]

    def test_a_node_whose_disk_is_gone_is_replaced_and_its_old_disk_refused(self):
        a, b, c = self.cluster
        token = self.buy(c)
        c.terminate()
        c.wait_exit()
        old = c.data + ".old"
        shutil.copytree(c.data, old)
        c.wipe()
        c.launch()
        self.replace(c, at=a)
        self.assertEqual(self.use(c, token).status, 200)
        self.wait_voters("abc", at=self.cluster)
        self.check_equal()

        # Two of three are enough, also if the new one is of the two.
        b.kill()
        self.assertEqual(self.use(c, token).status, 200)
        b.launch()
        self.cluster.wait_ready()

        # What was given up must not come back.
        c.terminate()
        c.wait_exit()
        new = c.data + ".new"
        os.rename(c.data, new)
        os.rename(old, c.data)
        c.may_end = True
        c.launch()
        self.check_refused(c, "replaced")
        self.assertFalse(c.is_ready())
        c.kill()
        shutil.rmtree(c.data)
        os.rename(new, c.data)
        c.launch()
        self.cluster.wait_ready()
        self.assertEqual(self.use(c, token).status, 200)

    def put_back(self, node, leader):
        """Its data folder is as it was before what it has acknowledged since. Whether that is known: another leader does not know
        what was acknowledged to the one before."""
        node.terminate()
        node.wait_exit()
        copy = node.data + ".copy"
        shutil.copytree(node.data, copy)
        node.launch()
        self.cluster.wait_ready()
        self.buy(leader)
        index = self.cluster.commit_index()
        self.cluster.wait_until(lambda: (node.status() or {}).get("applied_index", 0) >= index, "it has acknowledged that")
        term = node.status()["term"]
        node.kill()
        node.wipe()
        os.rename(copy, node.data)
        node.launch()

        def told():
            if node.has_logged("lacks entries"):
                return "told"
            return "elected" if ((node.status() or {}).get("term") or 0) > term else None

        return self.cluster.wait_until(told, "it is told, or another leads") == "told"

    def test_a_data_folder_that_was_put_back_to_an_earlier_state_is_found_out(self):
        for _ in range(5):
            leader = self.cluster.leader()
            broken = next(node for node in self.cluster if node is not leader)
            if self.put_back(broken, leader):
                break
            self.cluster.wait_ready()
        other = next(node for node in self.cluster if node not in (leader, broken))
        self.assertFalse(broken.is_ready())
        ready = broken.probe("/readyz")
        self.assertEqual((ready.status, b"its disk has lost entries" in ready.body), (503, True), ready)
        self.assertIn("\ntollgate_replica_forgetful 1\n", broken.probe("/metrics").body.decode())
        self.assert_refused(self.get(broken, "/forgotten", 8), 503, "no-quorum")
        self.assertTrue(any("tollgate cluster replace" in alarm for alarm in broken.status()["alarms"]), broken.status())
        # The others go on, and the one that leads says whose disk it is.
        self.assertEqual([self.get(node, "/goes-on", 9).status for node in (leader, other)], [200, 200])
        remedy = f"tollgate cluster replace {broken.name}"
        self.cluster.wait_until(lambda: any(remedy in alarm for alarm in leader.status()["alarms"]), "the leader says so")
        broken.kill()
        broken.wipe()
        broken.launch()
        self.replace(broken, at=leader)
        self.cluster.wait_until(lambda: not leader.status()["alarms"], "it is over")
        self.check_equal()

    def test_a_node_moves_to_another_host_and_leaves_its_disk_behind(self):
        a, b, c = self.cluster
        token = self.buy(c)
        c.kill()
        c.wipe()
        c.move(self.network.place("d"))
        c.launch()
        self.replace(c, at=a)
        self.assertEqual(self.use(c, token).status, 200)
        members = {member["name"]: member["address"] for member in a.status()["members"]}
        self.assertEqual(members["c"], c.place.advertise)
        # Their files name its former host.
        for node in (a, b):
            node.terminate()
            node.wait_exit()
        for node in (a, b):
            node.launch()
        self.cluster.wait_ready()
        self.wait_voters("abc", at=self.cluster)
        self.assertEqual(self.use(c, token).status, 200)
        self.check_equal()

    def test_a_disk_of_another_cluster_is_refused(self):
        a, b, c = self.cluster
        c.terminate()
        c.wait_exit()
        os.rename(c.data, c.data + ".own")
        own_seeds, c.seeds = c.seeds, ["c"]
        # Else it would hear of the cluster that is there, and found none.
        self.network.isolate("c", self.cluster.nodes)
        c.configure()
        c.launch()
        self.cluster.wait_ready("c")
        foreign = c.status()["cluster_id"]
        self.assertNotEqual(foreign, a.status()["cluster_id"])
        c.terminate()
        c.wait_exit()
        self.network.heal()
        c.seeds = own_seeds
        c.configure()
        c.may_end = True
        c.launch()
        # It is never ready in between: it listens before it says so.
        while not c.has_logged("the only member of its cluster"):
            self.assertFalse(c.is_ready(), c.log())
        self.check_refused(c, f"c belongs to cluster {foreign}")
        ready = c.probe("/readyz")
        self.assertEqual((ready.status, b"its seeds are another cluster" in ready.body), (503, True), ready)
        self.assert_refused(self.get(c, "/alone", 9), 503, "no-quorum")
        self.assertTrue(any("it decides nothing" in alarm for alarm in c.status()["alarms"]), c.status())
        self.assertEqual([self.get(node, "/goes-on", 7).status for node in (a, b)], [200, 200])
        c.kill()
        shutil.rmtree(c.data)
        os.rename(c.data + ".own", c.data)
        c.launch()
        self.cluster.wait_ready()
        self.check_equal()

    def check_refused(self, node, text):
        """It is none of them, and says why."""
        self.cluster.wait_until(lambda: node.has_logged(text), f"{node.name} says {text}")
        self.assertEqual(self.voters(self.cluster["a"]), ["a", "b", "c"])
        self.assertEqual(self.get(self.cluster["a"], "/others", 8).status, 200)


if __name__ == "__main__":
    unittest.main()
