"""`tollgate cluster`, `backup` and `recover` with three nodes, as an operator types them: at whichever node, and after a disaster."""

import json
import os
import re
import unittest

import promtool
from cluster_case import ClusterCase
from operator_case import run


class CommandsCase(ClusterCase):
    def tollgate(self, node, *arguments):
        return run(*arguments, environment={"TOLLGATE_ADMIN": node.admin})

    def done(self, node, *arguments):
        """What it says of its success."""
        done = self.tollgate(node, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{arguments}\n{done.stdout}\n{node.log()}")
        return done.stdout

    def document(self, node):
        return json.loads(self.done(node, "cluster", "status", "--json"))

    def connected(self, node):
        """With how many other members it says that it is connected."""
        page = node.probe("/metrics").body.decode()
        return int(re.search(r"(?m)^tollgate_peers_connected (\d+)$", page).group(1))

    def lose(self, *nodes):
        """They are gone for ever."""
        for node in nodes:
            node.kill()
            node.wipe()


class MembersTests(CommandsCase):
    @classmethod
    def setUpClass(cls):
        # The network of a test leads nowhere else.
        promtool.path()

    def test_any_node_tells_and_changes_the_members(self):
        a, b, c = self.start_cluster()
        token = self.buy(a)
        leaders = {self.document(node)["leader"] for node in (a, b, c)}
        self.assertEqual(len(leaders), 1)
        follower = next(node for node in (a, b, c) if node.name not in leaders)
        text = self.done(follower, "cluster", "status")
        for node in (a, b, c):
            role = "leader" if node.name in leaders else "voter"
            self.assertRegex(text, rf"(?m)^{node.name} +{role} +\S+ +yes +[0-9]+$")
        ids = [self.document(node)["cluster_id"] for node in (a, b, c)]
        self.assertEqual(len(set(ids)), 1)

        self.assertEqual(self.done(follower, "cluster", "transfer", follower.name), f"{follower.name} leads.\n")
        other = next(node for node in (a, b, c) if node is not follower)
        # The leader leaves at the word of another, and comes back with an empty disk.
        follower.may_end = True
        self.assertIn("is no member any more", self.done(other, "cluster", "remove", follower.name))
        self.cluster.wait_until(lambda: not follower.is_ready(), "it is out")
        self.assertIn("There is no member", self.done(other, "cluster", "remove", follower.name), "again: nothing to do")
        self.cluster.wait_until(lambda: follower.status()["membership"] == "removed", "it knows")
        self.assertIn("is no member any more", self.done(follower, "cluster", "remove", follower.name), "at itself too")
        follower.kill()
        follower.wipe()
        follower.launch()
        self.assertIn("is a voter", self.done(other, "cluster", "add", follower.name))
        self.cluster.wait_ready()
        self.assertEqual(self.use(follower, token).status, 200)
        self.assertIn("is a voter", self.done(other, "cluster", "add", follower.name), "again: nothing to do")
        for node in (a, b, c):
            self.assertEqual(promtool.check(node.probe("/metrics").body.decode()), "")
        self.check_equal()

    def test_a_new_disk_takes_the_place_of_one_that_is_lost(self):
        a, b, c = self.start_cluster()
        token = self.buy(c)
        self.lose(c)
        c.launch()
        self.cluster.wait_until(
            lambda: any(node["name"] == "c" for node in self.document(b)["waiting"]), "c waits"
        )
        # Whom they are connected with has the member's name, and is not the member.
        follower = next(node for node in (a, b) if node.status()["role"] != "leader")
        for node in (a, b):
            self.cluster.wait_until(lambda node=node: self.connected(node) == 1, "the member is missing")
        self.assertRegex(self.done(follower, "cluster", "status", "--stale"), r"(?m)^c +voter +\S+ +NO ")
        text = self.done(a, "cluster", "status")
        self.assertIn("another disk than the member's: tollgate cluster replace c", text)
        added = self.tollgate(a, "cluster", "add", "c")
        self.assertEqual(added.returncode, 1)
        self.assertIn("tollgate cluster replace c", added.stderr)
        # The one that waits is told to ask elsewhere.
        asked = self.tollgate(c, "cluster", "replace", "c")
        self.assertEqual(asked.returncode, 1)
        self.assertIn("waits to be admitted", asked.stderr)
        # What it knows is not what a majority confirms.
        asked = self.tollgate(c, "cluster", "status")
        self.assertEqual(asked.returncode, 1, asked)
        self.assertIn("waits to be admitted", asked.stderr)
        self.assertIn("This is what this node knows:", asked.stderr)
        self.assertIn("node      c, waiting", asked.stdout)
        self.assertIn("node      c, waiting", self.done(c, "cluster", "status", "--stale"))
        answer = c.ask("GET", "/v1/cluster")
        self.assertEqual((answer.status, answer.json()["type"]), (409, "urn:tollgate:not-a-member"))
        self.assertIn("a voter", self.done(b, "cluster", "replace", "c"))
        self.cluster.wait_ready()
        self.assertEqual(self.use(c, token).status, 200)
        self.assertEqual(len(self.document(c)["members"]), 3)
        for node in (a, b, c):
            self.cluster.wait_until(lambda node=node: self.connected(node) == 2, "nobody is missing any more")


class DisasterTests(CommandsCase):
    def test_a_majority_is_lost_and_what_one_holds_goes_on(self):
        a, b, c = self.start_cluster()
        token = self.buy(a)
        self.assertEqual(self.use(b, token).status, 200)
        backup = os.path.join(self.cluster.folder, "backup")
        self.assertIn("Saved the state", self.done(c, "backup", "save", backup))
        former = self.document(c)["cluster_id"]
        # Until c has all of it.
        self.cluster.wait_until(
            lambda: c.status()["applied_index"] >= self.cluster.commit_index(), "c has what is decided"
        )
        self.lose(a, b)

        self.cluster.wait_until(lambda: self.tollgate(c, "cluster", "status").returncode == 1, "c says so")
        status = self.tollgate(c, "cluster", "status")
        self.assertIn("No majority", status.stderr)
        self.assertIn("to ask again is safe. This is what", status.stderr)
        promoted = self.tollgate(c, "cluster", "promote", "c", "--wait", "0")
        self.assertEqual(promoted.returncode, 1)
        self.assertIn("No majority", promoted.stderr)
        self.assertNotIn("learner", promoted.stderr, "whether it is one, nobody knows")
        self.assertIn(f"cluster   {former}", status.stdout)
        saved = self.tollgate(c, "backup", "save", backup + "2")
        self.assertEqual((saved.returncode, os.path.exists(backup + "2")), (1, False), saved)
        self.assertIn("Saved", self.done(c, "backup", "save", backup + "2", "--stale"))
        self.assertIn("No majority", self.tollgate(c, "cluster", "remove", "a").stderr)

        c.terminate()
        c.wait_exit()
        self.assertEqual(run("recover", "--data", c.data).returncode, 1)
        recovered = run("recover", "--data", c.data, "--accept-loss")
        self.assertEqual((recovered.returncode, recovered.stderr), (0, ""), recovered)
        c.launch()
        self.cluster.wait_ready("c")
        self.assertNotEqual(self.document(c)["cluster_id"], former)
        self.assertEqual([member["name"] for member in self.document(c)["members"]], ["c"])
        self.assertEqual(self.use(c, token).status, 200)

        for node in (a, b):
            node.launch()
            self.assertIn("is a voter", self.done(c, "cluster", "add", node.name))
        self.cluster.wait_ready()
        self.assertEqual(self.use(a, token).status, 200)
        self.check_equal()

    def test_all_folders_are_lost_and_a_backup_goes_on(self):
        a, b, c = self.start_cluster()
        token = self.buy(a)
        self.assertEqual(self.get(a, "/used", 5).status, 200)
        backup = os.path.join(self.cluster.folder, "backup")
        self.done(b, "backup", "save", backup)
        self.lose(a, b, c)
        restored = run("backup", "restore", backup, "--data", a.data, "--name", "a")
        self.assertEqual((restored.returncode, restored.stderr), (0, ""), restored)
        a.launch()
        self.cluster.wait_ready("a")
        self.assertNotEqual(self.use(a, token).status, 200, "what was bought before is void")
        for node in (b, c):
            node.launch()
            self.assertIn("is a voter", self.done(a, "cluster", "add", node.name))
        self.cluster.wait_ready()
        self.assertEqual(self.use(c, self.buy(b)).status, 200)
        self.check_equal()


if __name__ == "__main__":
    unittest.main()
