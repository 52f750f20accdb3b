"""Disks that lie and disks that are full: no promise is broken, and somebody is told what to do."""

import os
import re
import subprocess
import unittest

import protocol
from cluster_case import ENOUGH, GRANTS
from harness import BINARY
from load import UNKNOWN
from membership_case import CHANGE_TIMEOUT, MembershipCase

#: Of the disk of a node, bytes: without room for a log, and with enough for a log and small snapshots.
TINY, SMALL = 1 << 20, 40 << 20


class DamageTests(MembershipCase):
    def setUp(self):
        super().setUp()
        self.start_cluster()
        self.broken = next(node for node in self.cluster if node is not self.cluster.leader())
        self.others = [node for node in self.cluster if node is not self.broken]
        self.token = self.buy(self.broken)
        challenge = self.challenge(self.broken)
        self.spent = challenge, protocol.solve(challenge)
        self.assertEqual(self.redeem(self.broken, *self.spent).status, 200)
        self.check_equal()

    def records(self, node=None):
        """Path and offset of each record of the log of a node, of the broken one unless another is named."""
        found, path = [], None
        result = subprocess.run([BINARY, "log", "inspect", (node or self.broken).data], capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result)
        for line in result.stdout.splitlines():
            if match := re.match(r"(.*\.log): segment ", line):
                path = match.group(1)
            elif match := re.match(r" +(\d+) (command|no-operation|membership|vote|start) ", line):
                found.append((path, int(match.group(1))))
        return found

    def flip(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x40]))

    def check_replaced(self, harm):
        """A node whose disk was harmed while it was down does not vote, says so, and is well again once it is replaced."""
        broken, (one, other) = self.broken, self.others
        broken.kill()
        harm()
        broken.launch()
        self.cluster.wait_until(lambda: broken.has_logged("The log on this disk cannot be used"), "it says what is wrong")
        self.assertTrue(broken.has_logged("damaged at byte"))
        self.assertTrue(broken.has_logged("This replica must not vote again"))
        self.cluster.wait_until(lambda: broken.has_logged("tollgate cluster replace"), "it says what to do")
        # Nothing was erased.
        self.cluster.wait_until(lambda: os.path.isdir(os.path.join(broken.data, "damaged-1", "snapshots")), "it is set aside")
        # It does not make a majority with anybody.
        other.kill()
        answer = self.get(one, "/alone", 50)
        self.assert_refused(answer, 503, "no-quorum")
        other.launch()
        self.cluster.wait_ready([one.name, other.name])
        self.assertFalse(broken.is_ready())
        self.assertTrue(any("The log on this disk cannot be used" in alarm for alarm in broken.status()["alarms"]), broken.status())
        self.replace(broken, at=one)
        # What was wrong is over, in the same process.
        self.cluster.wait_until(lambda: broken.status()["alarms"] == [], "it is well")
        self.assertIn("\ntollgate_alarms 0\n", broken.probe("/metrics").body.decode())
        self.assert_refused(self.redeem(broken, *self.spent), 409, "already-spent")
        self.check_equal()

    def test_a_byte_in_the_middle_of_the_log(self):
        def harm():
            records = self.records()
            path, offset = records[len(records) // 2]
            self.flip(path, offset + 41)

        self.check_replaced(harm)

    def test_a_byte_of_the_last_record(self):
        def harm():
            path, offset = self.records()[-1]
            self.flip(path, offset + 17)

        self.check_replaced(harm)

    def recover(self, node, *arguments):
        return subprocess.run([BINARY, "recover", "--data", node.data, *arguments], capture_output=True, text=True, timeout=60)

    def test_the_last_record_of_every_log(self):
        """Nobody has the state any more, and nothing of it is gone but that record."""
        # What comes last is not what is asked for afterwards.
        self.buy(self.broken)
        self.check_equal()
        for node in self.cluster:
            node.kill()
        for node in self.cluster:
            path, offset = self.records(node)[-1]
            self.flip(path, offset + 17)
        for node in self.cluster:
            node.launch()
        for node in self.cluster:
            self.cluster.wait_until(lambda node=node: (node.status() or {}).get("role") == "waiting", "it waits")
            self.assertTrue(node.has_logged("tollgate recover --data"))
        shown = subprocess.run([BINARY, "cluster", "status", "--stale", "--admin", self.broken.admin], capture_output=True,
                               text=True, timeout=60)
        self.assertIn("tollgate recover --data FOLDER", shown.stdout)
        for node in self.cluster:
            node.kill()
        survivor = self.broken
        asked = self.recover(survivor)
        self.assertEqual(asked.returncode, 1, asked)
        self.assertRegex(asked.stdout, r"Damaged: .*/log/\S+: damaged at byte \d+")
        self.assertRegex(asked.stdout, r"Lost would be all after entry \d+")
        self.assertIn("damaged-1", asked.stdout)
        self.assertIn("say --accept-loss", asked.stderr)
        done = self.recover(survivor, "--accept-loss")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        survivor.launch()
        self.cluster.wait_ready([survivor.name])
        self.assert_refused(self.redeem(survivor, *self.spent), 409, "already-spent")
        for node in self.others:
            node.wipe()
            node.launch()
            self.cluster.wait_until(lambda node=node: node.has_logged("exists already, without this replica"), "it waits")
            self.admit(node, at=survivor)
        self.check_equal()

    def test_a_snapshot_cut_short(self):
        self.change(self.broken, "POST", "compact")
        folder = os.path.join(self.broken.data, "snapshots")
        self.cluster.wait_until(lambda: max(os.listdir(folder))[:16] > "0" * 16 and max(os.listdir(folder)).endswith(".snapshot"),
                                "there is a snapshot")

        def harm():
            path = os.path.join(folder, max(os.listdir(folder)))
            os.truncate(path, os.path.getsize(path) - 100)

        self.check_replaced(harm)
        statuses = [self.use(self.broken, self.token).status for _ in range(GRANTS + 1)]
        self.assertEqual(statuses, [200] * GRANTS + [401])


@unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
class FullDiskTests(MembershipCase):
    def mount(self, node, size):
        """The node's data folder is on a disk of this size."""
        os.mkdir(node.data, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", node.data], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", node.data], check=True)

    def fill(self, node):
        """Leaves no room on its disk. Returns the file to remove to make some."""
        path = os.path.join(node.data, "ballast")
        with open(path, "wb", buffering=0) as file, self.assertRaises(OSError):
            while True:
                file.write(bytes(4096))
        return path

    def resize(self, node, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", node.data], check=True)

    def test_founding_waits_for_room(self):
        cluster = self.make_cluster("abc")
        full = cluster["b"]
        self.mount(full, TINY)
        cluster.launch()
        cluster.wait_until(lambda: full.has_logged("The disk is full"), "it says so")
        self.assertFalse(full.is_ready())
        self.resize(full, SMALL)
        cluster.wait_until(lambda: full.has_logged("The disk has room again"), "it says that too")
        cluster.wait_ready()
        token = self.buy(full)
        self.assertEqual([self.use(node, token).status for node in cluster], [200] * 3)

    def test_a_snapshot_that_has_no_room_is_tried_again_and_stops_nobody(self):
        cluster = self.make_cluster("abc")
        full = cluster["b"]
        self.mount(full, SMALL)
        cluster.launch()
        cluster.wait_ready()
        token = self.buy(full)
        ballast = self.fill(full)
        # Its answer may be that this is not finished yet.
        full.ask("POST", "/v1/cluster/compact", timeout=CHANGE_TIMEOUT)
        cluster.wait_until(lambda: full.has_logged("A snapshot could not be kept"), "it says so")
        self.assertEqual([self.use(node, token).status for node in cluster], [200] * 3)
        os.unlink(ballast)
        folder = os.path.join(full.data, "snapshots")
        cluster.wait_until(lambda: max(os.listdir(folder))[:16] > "0" * 16, "there is a snapshot")
        full.kill()
        full.launch()
        cluster.wait_ready()
        self.assertEqual([self.use(node, token).status for node in cluster], [200] * 3)
        self.check_equal()

    def use_long_entries(self):
        """Charges of many limits make long entries: a segment is full soon."""
        keys = ", ".join(f'{{ key: "header:X-{number}", rate: 1000000/s }}' for number in range(15))
        self.settings = self.settings.replace(
            "routes:", 'routes:\n  - { name: long, match: { path: "/long" }, upstream: app, policy: long }', 1
        ) + f"""
  long:
    preset: api
    consistency: strong
    free: [{{ rate: 1000000/s }}, {keys}]
    ceiling: off
"""

    def load_long_entries(self, nodes=None):
        fields = "".join(f"X-{number}: {number}\r\n" for number in range(15))
        request = f"GET /long HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()
        return self.load(lambda _: ("long", request), nodes, connections=48, total=0)

    def lead(self, cluster, node):
        if cluster.leader() is not node:
            self.change(node, "POST", "transfer", {"to": node.name})
        cluster.wait_until(lambda: cluster.leader() is node, "it leads")

    def test_a_leader_whose_log_has_no_room_lets_others_decide_and_goes_on_by_itself(self):
        self.use_long_entries()
        cluster = self.make_cluster("abc")
        full, one, other = cluster
        self.mount(full, SMALL)
        cluster.launch()
        cluster.wait_ready()
        self.lead(cluster, full)
        token = self.buy(full)
        ballast = self.fill(full)
        load = self.load_long_entries()
        cluster.wait_until(lambda: full.has_logged("The disk is full"), "it says so", 3 * ENOUGH)
        load.finish(ENOUGH)
        for node in (one, other):
            cluster.wait_ready(node.name)
            self.assertEqual(self.use(node, token).status, 200)
        os.unlink(ballast)
        cluster.wait_until(lambda: full.has_logged("The disk has room again"), "it says that too")
        cluster.wait_ready()
        self.assertEqual([self.use(node, token).status for node in cluster], [200] * 3)
        self.assertEqual(set(load.counts["long"]) - {(200, None), (503, "no-quorum"), UNKNOWN}, set(), load)
        self.check_equal()

    def test_a_leader_whose_followers_have_no_room_does_not_say_that_a_majority_decides(self):
        self.use_long_entries()
        cluster = self.make_cluster("abc")
        leader, *full = cluster
        for node in full:
            self.mount(node, SMALL)
        cluster.launch()
        cluster.wait_ready()
        self.lead(cluster, leader)
        ballast = [self.fill(node) for node in full]
        load = self.load_long_entries([leader])
        for node in full:
            cluster.wait_until(lambda node=node: node.has_logged("The disk is full"), f"{node.name} says so", 3 * ENOUGH)
        load.finish(ENOUGH)
        self.assert_refused(self.get(leader, "/charged", 1, timeout=ENOUGH), 503, "no-quorum")
        # It hears them, and they hear it: what it could read says nothing.
        self.assertEqual(leader.status()["leader"], leader.name)
        self.assertEqual({leader.probe("/readyz?quorum=1").status for _ in range(300)}, {503})
        for path in ballast:
            os.unlink(path)
        cluster.wait_ready()
        self.assertEqual(self.get(leader, "/charged", 1).status, 200)
        self.check_equal()


if __name__ == "__main__":
    unittest.main()
