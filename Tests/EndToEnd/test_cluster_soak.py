"""A cluster over a long time, under mixed load: nodes are killed, replaced, removed and added, snapshots and backups are made. Nothing that
was promised may be broken meanwhile, no client may see an error that no harm explains, and nothing may grow. Runs only where TOLLGATE_SOAK
says for how many seconds.

Node `a` is never harmed, and leads between two harms: what it holds in memory and on its disk after the first third of the time, in
which it warms up, it holds at the end.
"""

import collections
import os
import sys
import tempfile
import threading
import time
import unittest

from cluster_case import CHECKPOINT_ENTRIES, ENOUGH, strong_request
from fleet import Fleet
from growth import Growth
from harness import SEED
from membership_case import CHANGE_TIMEOUT, MembershipCase
from mixed_clients import POLICIES, ROUTES, Book, MixedClient
from operator_case import run
from upstream import fine

SECONDS = int(os.environ.get("TOLLGATE_SOAK") or 0)
WORKERS = 8
NAMES = "abcde"
MEMBERS_MIN, MEMBERS_MAX = 3, 5
#: Answers of each node in service between two harms, and how long they may take.
BETWEEN, BETWEEN_TIMEOUT = 20, 60
#: What the program may say that is no line of its log: the puzzles are easy, which it takes for a mistake.
REMARK = "hashes take a laptop less than"


def load_tests(loader, tests, pattern):
    return tests if SECONDS else unittest.TestSuite()


class ClusterSoak(MembershipCase):
    def setUp(self):
        super().setUp()
        self.settings = f"""
upstreams: {{ app: {{ servers: ["{self.upstream.authority}"] }} }}
routes:{ROUTES}
policies:{POLICIES}"""
        #: When the upstream has seen requests under the policy whose units come back, by path.
        self.arrivals = collections.defaultdict(list)
        self.folder = tempfile.TemporaryDirectory(prefix="tollgate-test-")
        self.addCleanup(self.folder.cleanup)
        self.harms = collections.Counter()
        self.lines = []
        self.backups = 0
        # What it keeps of each request would be more than all else here.
        self.upstream.requests = collections.deque(maxlen=100)

    async def _count(self, request, connection):
        if request.path.startswith("/refill/"):
            self.arrivals[request.path].append(time.monotonic())
        else:
            self.seen[request.path] += 1
        await fine(request, connection)

    def test_a_cluster_keeps_its_promises_and_does_not_grow(self):
        cluster = self.start_cluster("abc")
        self.steady = cluster["a"]
        process = self.steady.process
        self.fleet = Fleet(cluster)
        book = Book()
        until = time.monotonic() + SECONDS
        clients = [MixedClient(self, self.fleet, book, number).start() for number in range(WORKERS)]
        for client in clients:
            self.addCleanup(client.stop)
        growth = Growth(cluster, self.steady).start()
        self.addCleanup(growth.stop)
        try:
            while time.monotonic() < until and not any(client.error for client in clients):
                self.do_harm()
                self.tidy()
                self.fleet.wait_answered(BETWEEN, BETWEEN_TIMEOUT)
        finally:
            growth.stop()
            print(self.report(book, growth), file=sys.stderr)
        for client in clients:
            client.stop()

        cluster.wait_ready()
        self.assertEqual(self.fleet.unnamed(), [])
        self.wait_voters(cluster.nodes, at=cluster)
        book.check(self, self.seen)
        book.check_refill(self, self.arrivals)
        self.check_equal_states()
        for node in cluster:
            self.keep_lines(node)
        self.assertEqual(self.loud_lines(), [])
        self.assertIs(self.steady.process, process)
        growth.check(self)

    # Harms

    def do_harm(self):
        kinds = [self.kill_the_leader, self.kill_a_follower, self.kill_two, self.restart_one, self.replace_one, self.hand_over]
        if len(self.cluster.nodes) > MEMBERS_MIN:
            kinds += [self.remove_one] * 2
        if len(self.cluster.nodes) < MEMBERS_MAX:
            kinds += [self.add_one] * 2
        kind = self.random.choice(kinds)
        kind()
        self.harms[kind.__name__] += 1

    def tidy(self):
        """What an operator does now and then, of which no client notices anything. Then the steady node leads."""
        with self.fleet.harm("snapshots are made"):
            for node in self.random.sample(list(self.cluster), 2):
                self.change(node, "POST", "compact")
        if self.random.random() < 0.25:
            with self.fleet.harm("a backup is saved"):
                self.save_backup(self.random.choice(list(self.cluster)))
        with self.fleet.harm("a leads again"):
            self.lead(self.steady)

    def victims(self):
        return [node for node in self.cluster if node is not self.steady]

    def victim(self):
        return self.random.choice(self.victims())

    def helper(self, node):
        """Another one, to ask for a change of that one's membership."""
        return self.random.choice([other for other in self.cluster if other is not node])

    def lead(self, node):
        if self.cluster.leader() is not node:
            self.change(node, "POST", "transfer", {"to": node.name})
            self.cluster.wait_until(lambda: self.cluster.leader() is node, f"{node.name} leads")

    def hand_over(self):
        with self.fleet.harm("another leads"):
            self.lead(self.victim())

    def kill_the_leader(self):
        leader = self.victim()
        self.lead(leader)
        self.kill(leader, may_deny=True)

    def kill_a_follower(self):
        self.kill(self.victim(), may_deny=False)

    def kill_two(self):
        self.kill(*self.random.sample(self.victims(), 2), may_deny=True)

    def kill(self, *nodes, may_deny):
        names = [node.name for node in nodes]
        with self.fleet.harm(f"{names} are killed", ends=names, may_deny=may_deny):
            for node in nodes:
                node.kill()
            for node in nodes:
                node.launch()
            self.cluster.wait_ready()

    def restart_one(self):
        node = self.victim()
        if self.random.random() < 0.5:
            with self.fleet.harm("another leads"):
                self.lead(node)
        with self.fleet.harm(f"{node.name} is restarted", ends=[node.name]):
            node.terminate()
            self.assertEqual(node.wait_exit(), 0, node.log())
            node.launch()
            self.cluster.wait_ready()

    def replace_one(self):
        node = self.victim()
        with self.fleet.harm(f"{node.name} loses its disk", ends=[node.name]):
            node.kill()
            node.wipe()
            node.launch()
            self.replace(node, at=self.helper(node))
        self.cluster.wait_ready()

    def remove_one(self):
        node = self.victim()
        at = self.helper(node)
        with self.fleet.harm(f"{node.name} is removed"):
            if self.random.random() < 0.5:
                self.lead(node)
            self.fleet.withdraw(node, CHANGE_TIMEOUT)
            self.remove(node, at=at)
            # Its removal may have been of the leader.
            self.cluster.nodes.pop(node.name)
            self.addCleanup(node.stop)
            self.cluster.leader()
            node.terminate()
            self.assertEqual(node.wait_exit(), 0, node.log())
        self.keep_lines(node)
        node.stop()

    def add_one(self):
        name = self.random.choice([name for name in NAMES if name not in self.cluster.nodes])
        with self.fleet.harm(f"{name} comes"):
            node = self.cluster.make(name)
            node.launch()
            self.admit(node, at=self.helper(node))
            self.cluster.wait_ready([name])
            self.fleet.restore(node)

    def save_backup(self, node):
        self.backups += 1
        path = os.path.join(self.folder.name, f"{self.backups}.backup")
        done = run("backup", "save", path, "--admin", node.admin)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        # That it is whole and sound, a node says that would begin with it.
        data = os.path.join(self.folder.name, f"{self.backups}.data")
        done = run("backup", "restore", path, "--data", data)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        os.remove(path)

    # What is checked

    def check_equal_states(self):
        """All have the same digest after an entry to which a load of its own leads."""
        index = (self.cluster.commit_index() // CHECKPOINT_ENTRIES + 1) * CHECKPOINT_ENTRIES
        load = self.load(lambda number: ("equal", strong_request(50_000 + number % 1_000, "fixed/equal")), connections=24, total=0)
        self.cluster.wait_until(lambda: self.cluster.commit_index() >= index, f"entry {index}")
        load.finish(ENOUGH)
        digests = self.cluster.wait_digests(index)
        self.assertEqual(len({digest["value"] for digest in digests.values()}), 1, digests)

    def keep_lines(self, node):
        self.lines += [(node.name, line) for line in [*node.earlier, *node.lines]]

    def loud_lines(self):
        """What was logged at level error or above, none of which a harm explains, and what is no line of the log at all."""
        return [
            f"{name}: {line}"
            for name, line in self.lines
            if line.get("level") in ("error", "critical", None)
            and not line["message"].startswith("-- ended")
            and REMARK not in line["message"]
        ]

    def report(self, book, growth):
        seconds = time.monotonic() - book.began
        return (
            f"{seconds:.0f} s, seed {SEED}: {dict(book.operations)}, {len(book.sales)} passes spent, {self.seen.total()} requests seen; "
            f"harms {dict(self.harms)}, {self.backups} backups; errors {dict(self.fleet.counts)}; entry {self.cluster.commit_index()}; "
            f"{growth.report()}"
        )


if __name__ == "__main__":
    unittest.main()
