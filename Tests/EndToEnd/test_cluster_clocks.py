"""One of three has a wrong wall clock, from the start or all at once, an hour either way: no promise changes.

The clock is faked by libfaketime for one process, the monotonic clock left as it is.
"""

import email.utils
import glob
import os
import subprocess
import unittest

import protocol
from clients import from_client
from cluster_case import GRANTS, ClusterCase
from network import INSTALL

HOUR = 3_600
BURST = 4
#: A unit takes 20 minutes to come back: a clock that is believed brings back 3 an hour, the test none.
SETTINGS_MORE = """
  hourly:
    preset: api
    consistency: strong
    free: {{ rate: 3/hour, burst: {burst} }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1, grants: 2, ttl: 30m, challengeTtl: 30m }}
"""


def library():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        subprocess.run([INSTALL, "faketime=faketime"], check=True)
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    return found[0]


class ClockTests(ClusterCase):
    def setUp(self):
        # Before the network, in which nothing can be installed.
        faked = library()
        super().setUp()
        self.settings = self.settings.replace(
            "routes:", 'routes:\n  - { name: hourly, match: { path: "/hourly/*" }, upstream: app, policy: hourly }', 1
        ) + SETTINGS_MORE.format(burst=BURST)
        self.make_cluster("abc")
        self.wrong = self.cluster["b"]
        self.clock = os.path.join(self.wrong.folder, "clock")
        self.set_clock(0)
        self.wrong.environment |= {
            "LD_PRELOAD": faked,
            "FAKETIME_TIMESTAMP_FILE": self.clock,
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set_clock(self, seconds):
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(f"{seconds:+d}s\n")
        os.rename(self.clock + ".new", self.clock)

    def start(self):
        self.cluster.launch()
        self.cluster.wait_ready()

    def lead(self, node):
        """Makes a node the leader: whose time-stamps count."""
        leader = self.cluster.leader()
        if leader is not node:
            leader.ask("POST", "/v1/cluster/transfer", {"to": node.name}, timeout=30)
        self.cluster.wait_until(lambda: self.cluster.leader() is node, f"{node.name} leads")

    def check_clocks(self, hours):
        """That what is tested is there: one tells another time than the others."""
        def told(node):
            with self.at(node) as client:
                return email.utils.parsedate_to_datetime(client.get(protocol.CHALLENGE, from_client(1)).header("date"))

        difference = (told(self.wrong) - told(self.cluster["a"])).total_seconds()
        self.assertAlmostEqual(difference, hours * HOUR, delta=HOUR / 10)

    def statuses(self, path, number, count, *more):
        nodes = list(self.cluster)
        return [self.get(nodes[index % 3], path, number, *more).status for index in range(count)]

    def promise(self, number):
        """What is promised now."""
        a = self.cluster["a"]
        self.assertEqual(self.statuses("/hourly/free", number, BURST + 2), [200] * BURST + [429] * 2)
        challenge = self.challenge(a, number)
        return number, self.buy(a, number), challenge, protocol.solve(challenge)

    def check_kept(self, promise):
        number, token, challenge, solution = promise
        self.assertEqual(set(self.statuses("/hourly/free", number, 3)), {429})
        for node in self.cluster:
            answer = self.get(node, protocol.CHALLENGE + "?policy=hourly", number).json()
            self.assertEqual(answer["expires_in"], 1_800)
        answers = [self.redeem(node, challenge, solution, number=number) for node in self.cluster]
        self.assertEqual([answer.status for answer in answers], [200, 409, 409], answers)
        # Sold for an hour.
        self.assertGreater(answers[0].json()["expires_in"], HOUR - 300)
        self.assertLessEqual(answers[0].json()["expires_in"], HOUR)
        self.assertEqual(self.statuses("/paid/use", number, GRANTS + 3, ("PoW-Pass", token)), [200] * GRANTS + [401] * 3)

    def check_new(self, number):
        """What is promised under the wrong clock holds as well."""
        for node in self.cluster:
            token = self.buy(node, number)
            self.assertEqual(self.statuses("/paid/use", number, GRANTS + 3, ("PoW-Pass", token)), [200] * GRANTS + [401] * 3)
        self.assertEqual(self.statuses("/hourly/free", number, BURST + 2), [200] * BURST + [429] * 2)

    def test_wrong_at_the_start_and_again_after_all_were_down(self):
        for hours in (1, -1):
            with self.subTest(hours):
                self.set_clock(0)
                if hours == 1:
                    self.start()
                promise = self.promise(10 + hours)
                for node in self.cluster:
                    node.kill()
                self.set_clock(hours * HOUR)
                self.start()
                self.lead(self.wrong)
                self.check_clocks(hours)
                self.check_kept(promise)
                self.check_new(20 + hours)
                for node in self.cluster:
                    node.kill()
                self.start()
                self.check_equal()

    def test_a_jump_at_a_follower_and_at_the_leader(self):
        self.start()
        number = 30
        for leader in ("b", "a"):
            self.lead(self.cluster[leader])
            for hours in (1, -1):
                with self.subTest(f"{leader} leads, {hours} h"):
                    number += 10
                    self.set_clock(0)
                    promise = self.promise(number)
                    self.set_clock(hours * HOUR)
                    self.check_clocks(hours)
                    self.check_kept(promise)
                    self.check_new(number + 5)
        self.check_equal()

    def test_founded_by_one_with_a_wrong_clock(self):
        self.set_clock(HOUR)
        self.start()
        promise = self.promise(1)
        self.set_clock(-HOUR)
        self.check_clocks(-1)
        self.check_kept(promise)
        self.check_new(2)
        self.check_equal()


if __name__ == "__main__":
    unittest.main()
