"""The demo of three nodes is what its words say: one gateway at three addresses, things to try that work, and nothing left of it.

With TOLLGATE_QUICKSTART=1 it is the one that deploy/quickstart.sh builds and starts; TOLLGATE_CLUSTER_SOLUTIONS=200 makes it long.
"""

import json
import os
import re
import signal
import socket
import subprocess
import unittest

import protocol
from client import Client
from demo import Demo
from harness import BINARY, TestCase
from network import Ports
from one_seller import OneSeller
from operator_case import CLEAN


def solve(challenge):
    """It takes some million hashes, which the program makes faster than a test does."""
    command = [BINARY, "solve"]
    done = subprocess.run(command, input=json.dumps(challenge), capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)["solution"]


class DemoCase(TestCase):
    def make_demo(self, *arguments, **options):
        demo = Demo(*arguments, **options)
        self.addCleanup(demo.close)
        return demo


class OneGatewayTests(OneSeller, DemoCase):
    policy, paid_path = "site", "/"
    solutions = int(os.environ.get("TOLLGATE_CLUSTER_SOLUTIONS") or 8)
    lost_answers = 4

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo("--nodes", "3", "--port", "0")
        cls.addClassCleanup(cls.demo.close)
        cls.nodes = cls.demo.start().gateways

    def solve(self, challenge):
        return solve(challenge)


class ThingsToTryTests(DemoCase):
    def setUp(self):
        super().setUp()
        self.demo = self.make_demo("--nodes", "3", "--port", "0").start()

    def type(self, number):
        """What the command says that stands there, as a newcomer copies it."""
        done = subprocess.run(
            ["bash", "-c", self.demo.commands.pop(number)], capture_output=True, text=True, timeout=120, env=CLEAN
        )
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def test_all_of_it_works_as_it_is_printed(self):
        demo = self.demo
        self.assertIn("Five things to try", demo.text)
        self.check_page(demo.page)
        self.assertEqual(self.type(2).split(), ["200"] * 5 + ["429"] * 2)
        # The second gateway knows that what is free has been used at the first.
        self.assertEqual(json.loads(self.type(3))["hello"], "from behind the gateway")
        self.assertIn("401 work-required", self.type(4))
        status = self.type(5)
        for name in "abc":
            self.assertRegex(status, rf"(?m)^{name} +(leader|voter) +\S+ +yes +[0-9]+$")
        self.assertEqual(demo.commands, {}, "printed, and not tried here")
        self.assertEqual(len(demo.probes), 3)
        for address in demo.probes:
            with Client(address) as client:
                self.assertEqual([client.get(path).status for path in ("/healthz", "/readyz", "/metrics")], [200] * 3)

    def check_page(self, url):
        """What a browser gets before its work, and after it."""
        host, port = re.fullmatch(r"http://([0-9.]+):([0-9]+)/", url).groups()
        headers = [("Accept", "text/html"), ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")]
        with Client((host, int(port))) as client:
            page = client.get("/", headers)
            self.assertEqual((page.status, page.header("content-type")), (401, "text/html; charset=utf-8"))
            challenge = protocol.challenge_header(page.header("pow-challenge"))
            sold = protocol.redeem(client, challenge, solve(challenge), "key")
            self.assertEqual(sold.status, 200, sold)
            cookie = sold.header("set-cookie").split(";")[0]
            site = client.get("/", [*headers, ("Cookie", cookie)])
            self.assertEqual(site.status, 200)
            self.assertIn(b"</html>", site.body)


class EndTests(DemoCase):
    def check_nothing_is_left(self, demo):
        self.assertEqual(demo.folders(), [])
        for address in [gateway.address for gateway in demo.gateways] + demo.probes:
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(address, 5)

    def test_it_ends_at_a_word_and_leaves_nothing(self):
        # SIGHUP is that its terminal is gone.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number.name):
                demo = self.make_demo("--nodes", "3", "--port", "0").start()
                (path,) = demo.folders()
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o700)
                self.assertEqual(sorted(os.listdir(path)), ["a", "a.sock", "b", "b.sock", "c", "c.sock"])
                before = demo.text
                self.assertEqual(demo.stop(number), 0)
                self.assertEqual(demo.text, before, "nothing that frightens a newcomer")
                self.check_nothing_is_left(demo)

    def test_it_ends_at_a_word_while_it_starts_too(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number.name):
                demo = self.make_demo("--nodes", "3", "--port", "0", command=[BINARY, "demo"]).launch()
                while not demo.folders():
                    self.assertIsNone(demo.process.poll())
                self.assertEqual(demo.stop(number), 0)
                self.assertEqual(demo.folders(), [])

    def test_its_gateways_have_the_ports_that_follow(self):
        port = self.free_ports(3)
        demo = self.make_demo("--nodes", "3", "--port", str(port)).start()
        self.assertEqual([gateway.address for gateway in demo.gateways], [("127.0.0.1", port + index) for index in range(3)])
        self.assertEqual(demo.stop(), 0)
        self.check_nothing_is_left(demo)

    def test_a_second_word_ends_it_at_once_and_leaves_nothing(self):
        for nodes in (1, 3):
            with self.subTest(nodes=nodes):
                demo = self.make_demo("--nodes", str(nodes), "--port", "0", command=[BINARY, "demo"]).start()
                address = demo.gateways[0].address
                with socket.create_connection(address, 10) as busy:
                    # A body that never ends is what the first word waits for.
                    head = f"POST /.well-known/tollgate/redeem HTTP/1.1\r\nHost: {address[0]}\r\n"
                    fields = "Content-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
                    busy.sendall((head + fields).encode())
                    self.assertIn(b"100 Continue", busy.recv(1024))
                    demo.process.send_signal(signal.SIGINT)
                    self.wait_until_refused(address)
                    self.assertEqual(demo.stop(signal.SIGINT), -signal.SIGINT)
                self.check_nothing_is_left(demo)

    def wait_until_refused(self, address):
        while True:
            try:
                socket.create_connection(address, 10).close()
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                # It was accepted by the system, and not any more by the gateway.
                continue

    def test_a_port_that_is_taken_is_told_and_leaves_nothing(self):
        for nodes, taken in [(1, 0), (3, 0), (3, 1), (3, 2)]:
            with self.subTest(nodes=nodes, taken=taken):
                port = self.free_ports(nodes)
                with socket.create_server(("127.0.0.1", port + taken)):
                    demo = self.make_demo("--nodes", str(nodes), "--port", str(port), command=[BINARY, "demo"]).launch()
                    self.assertEqual(demo.stop(0), 1)
                self.assertIn(f"127.0.0.1:{port + taken}", demo.text)
                self.assertIn("demo --port 0", demo.text)
                self.assertNotIn("ERROR", demo.text)
                self.assertEqual(demo.folders(), [])

    def free_ports(self, count):
        """The first of so many that follow one another."""
        ports = [Ports.take()]
        while len(ports) < count:
            port = Ports.take()
            ports = [*ports, port] if port == ports[-1] + 1 else [port]
        return ports[0]


if __name__ == "__main__":
    unittest.main()
