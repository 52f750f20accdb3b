"""Nodes of two releases in one cluster, while it is upgraded node by node, and back. Runs only where TOLLGATE_FORMER names the
program of the former release; `Tests/run.sh --upgrade` builds it.
"""

import itertools
import os
import random
import sys
import unittest

import protocol
from buyer import Buyer
from cluster_case import BURST, ENOUGH, GRANTS, strong_request
from harness import BINARY
from load import UNKNOWN
from membership_case import MembershipCase

FORMER = os.environ.get("TOLLGATE_FORMER")
CONNECTIONS = 24
ADMITTED = (200, None)
WORK_REQUIRED = (429, "work-required")
#: Who has units for the whole time. Each step has a client of its own besides.
LASTING = 0
#: The buyer's number, and that of who buys before the upgrade.
BUYER, EARLY = 20_000, 1


def load_tests(loader, tests, pattern):
    return tests if FORMER else unittest.TestSuite()


class UpgradeCase(MembershipCase):
    def make_cluster_of(self, releases):
        """Nodes a, b and c of these releases."""
        cluster = self.make_cluster("abc")
        for node, binary in zip(cluster, releases):
            node.binary = binary
        cluster.launch()
        cluster.wait_ready()
        for node in cluster:
            self.check_release(node)
        return cluster

    def check_release(self, node):
        """That the process is the program that is meant."""
        self.assertTrue(os.path.samefile(f"/proc/{node.pid}/exe", node.binary), node.name)

    def check_not_alarmed(self, node):
        """The former release takes what is from before its admission for its removal, until it has caught up."""
        if node.binary != FORMER:
            super().check_not_alarmed(node)

    def lead(self, node):
        """Hands leadership over to this node, whichever release the present leader is of."""
        if self.cluster.leader() is not node:
            self.change(node, "POST", "transfer", {"to": node.name})
            self.cluster.wait_until(lambda: self.cluster.leader() is node, f"{node.name} leads")

    def compact(self, node):
        """Makes a snapshot of all that it knows; the index of its last entry."""
        answer = node.ask("POST", "/v1/cluster/compact", timeout=ENOUGH)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["snapshot_index"]


class RollingTests(UpgradeCase):
    """All nodes go to the other release, one after the other, and back, and again, while clients ask each of them."""

    def setUp(self):
        super().setUp()
        self.make_cluster_of([FORMER] * 3)
        #: So many units of the lasting client may be used by now.
        self.allowance = 0
        #: The client of the present step.
        self.client = LASTING
        chosen = random.Random(self.random.random())

        def request(number):
            if number % 2 and self.seen[f"/k{LASTING}"] < self.allowance:
                client = LASTING
            else:
                client = self.client if number % 4 else chosen.randint(LASTING + 1, self.client)
            return f"k{client}", strong_request(client, f"k{client}")

        self.request = request

    def test_from_a_to_c_and_back(self):
        self.roll("abc")

    def test_from_c_to_a_and_back(self):
        self.roll("cba")

    def roll(self, order):
        steps = [(name, binary) for binary in (BINARY, FORMER, BINARY) for name in order]
        nodes = list(self.cluster)
        sales = [self.buy_early(node, f"early-{node.name}") for node in nodes]
        # Of each pass one unit in each step, and the rest in the end.
        self.assertLess(len(steps), GRANTS)
        self.client = LASTING + 1
        buyer = Buyer(self, number=BUYER).start()
        self.addCleanup(buyer.stop)
        load = self.load(self.request, connections=CONNECTIONS, total=0)
        # Three shares a step, and some units that are left in the end.
        share = BURST // (3 * len(steps) + 3)
        for index, (name, binary) in enumerate(steps):
            node, others = self.cluster[name], [node for node in nodes if node.name != name]
            self.client = LASTING + 1 + index
            with self.subTest(f"step {index}: {name} becomes {'the former' if binary == FORMER else 'the new'} release"):
                if index % 2:
                    # It hands leadership to a node of another release than it will be of.
                    self.lead(node)
                self.admit_more(share)
                snapshot = self.compact(node)
                node.terminate()
                self.admit_more(share)
                self.assertEqual(node.wait_exit(), 0, node.log())
                node.binary = binary
                node.launch()
                self.cluster.wait_ready([name])
                self.check_release(node)
                self.assertGreaterEqual(node.status()["snapshot_index"], snapshot)
                self.lead(node)
                self.admit_more(share)
                self.check_sales(sales, node, others)
                self.sell_between(node, others, f"step-{index}")
        self.allowance = BURST
        load.finish(ENOUGH)
        self.cluster.wait_ready()
        buyer.stop()

        print(f"{len(steps)} restarts under load: {load}, {len(buyer.sales)} passes bought", file=sys.stderr)
        others = {outcome for counts in load.counts.values() for outcome in counts} - {ADMITTED, WORK_REQUIRED, UNKNOWN}
        self.assertEqual(others, set(), load)
        for client in range(LASTING, self.client + 1):
            with self.subTest(f"client {client}"):
                self.check_client(load, client)
        for sale in sales:
            left = GRANTS - len(steps)
            statuses = [self.use(nodes[turn % 3], sale["pass"], EARLY).status for turn in range(left + 1)]
            self.assertEqual(statuses, [200] * left + [401])
        self.assertGreater(len(buyer.sales), len(steps))
        buyer.check()
        self.check_equal()

    def admit_more(self, units):
        """Lets the lasting client have more, and waits until it has."""
        self.allowance += units
        path, count = f"/k{LASTING}", self.allowance
        self.cluster.wait_until(lambda: self.seen[path] >= count, f"{count} admitted")

    def check_client(self, load, client):
        """The burst was admitted, exactly; then work is asked for, at each node."""
        label, path = f"k{client}", f"/k{client}"
        nodes = itertools.cycle(self.cluster)
        while (answer := self.get(next(nodes), path, client)).status == 200:
            pass
        for answer in [answer, *(self.get(node, path, client) for node in self.cluster)]:
            self.assert_refused(answer, 429, "work-required")
        self.assertEqual(self.seen[path], BURST)
        self.assertLessEqual(load.seen(ADMITTED, label), BURST)

    def buy_early(self, node, key):
        """What was sold at this node: the challenge, its solution, the key and the pass."""
        challenge = self.challenge(node, EARLY)
        sale = {"challenge": challenge, "solution": protocol.solve(challenge), "key": key}
        answer = self.redeem(node, challenge, sale["solution"], key, EARLY)
        self.assertEqual(answer.status, 200, answer)
        return {**sale, "pass": answer.json()["pass"]}

    def check_sales(self, sales, node, others):
        """What was sold before is good, and is not sold again."""
        for sale, other in zip(sales, itertools.cycle(others)):
            self.assertEqual(self.use(node, sale["pass"], EARLY).status, 200)
            again = self.redeem(node, sale["challenge"], sale["solution"], sale["key"], EARLY)
            self.assertEqual((again.status, again.json().get("pass")), (200, sale["pass"]), again)
            self.assert_refused(self.redeem(node, sale["challenge"], sale["solution"], None, EARLY), 409, "already-spent")
            self.assert_refused(self.redeem(other, sale["challenge"], sale["solution"], "another", EARLY), 409, "already-spent")

    def sell_between(self, node, others, key):
        """What one issues the other redeems, and a lost answer is had again at the third, whatever their releases."""
        for issuer, redeemer, third in ((node, *others), (others[1], node, others[0]), (*others, node)):
            challenge = self.challenge(issuer, EARLY)
            solution = protocol.solve(challenge)
            bought = self.redeem(redeemer, challenge, solution, key, EARLY)
            again = self.redeem(third, challenge, solution, key, EARLY)
            self.assertEqual([bought.status, again.status], [200, 200], (bought, again))
            self.assertEqual(bought.json()["pass"], again.json()["pass"])
            statuses = [self.use(seller, bought.json()["pass"], EARLY).status for seller in (issuer, third)]
            self.assertEqual(statuses, [200, 200])


class SnapshotTests(UpgradeCase):
    """A node whose disk is gone gets all from a leader of the other release."""

    def test_the_former_releases_snapshot_makes_a_new_node(self):
        self.install(BINARY, at=FORMER)

    def test_the_new_releases_snapshot_makes_a_former_node(self):
        self.install(FORMER, at=BINARY)

    def install(self, release, at):
        a, b, c = self.make_cluster_of([at] * 3)
        token = self.buy(c)
        self.assertEqual(self.use(a, token).status, 200)
        used = self.random.randint(1, BURST // 10)
        self.assertEqual({self.get(a, "/k7", 7).status for _ in range(used)}, {200})
        self.lead(a)
        snapshot = self.compact(a)
        c.kill()
        c.wipe()
        c.binary = release
        c.launch()
        self.replace(c, at=b)
        self.check_release(c)
        self.assertGreaterEqual(c.status()["snapshot_index"], snapshot)
        self.lead(c)
        # It decides by what it was sent, with the help of one of the others.
        b.kill()
        self.cluster.wait_ready("ac")
        while self.get(c, "/k7", 7).status == 200:
            pass
        self.assertEqual(self.seen["/k7"], BURST)
        self.assertEqual([self.use(c, token).status for _ in range(GRANTS)], [200] * (GRANTS - 1) + [401])
        b.launch()
        self.cluster.wait_ready()
        self.check_equal()


class FoundingTests(UpgradeCase):
    def test_nodes_of_both_releases_found_a_cluster(self):
        for releases in ([FORMER, BINARY, BINARY], [BINARY, FORMER, FORMER]):
            cluster = self.make_cluster_of(releases)
            token = self.buy(cluster["a"])
            statuses = [self.use(node, token).status for node in cluster]
            self.assertEqual(statuses, [200] * 3)
            self.check_equal()
            cluster.stop()


if __name__ == "__main__":
    unittest.main()
