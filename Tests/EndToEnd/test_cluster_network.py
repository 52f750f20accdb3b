"""The networks and the load that the tests of clusters stand on: each way is cut alone, and what is counted is what was answered."""

import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

from harness import TestCase
from load import UNKNOWN, Load
from network import Relays, choose
from upstream import fine

# A peer: it connects to another, and passes lines on both ways between that and its standard input and output.
TALK = """
import socket, sys, threading
host, port = sys.argv[1].rsplit(":", 1)
peer = socket.create_connection((host, int(port)))
def read():
    for line in peer.makefile():
        print(line, end="", flush=True)
threading.Thread(target=read, daemon=True).start()
for line in sys.stdin:
    peer.sendall(line.encode())
"""
LISTEN = """
import socket, sys, threading
host, port = sys.argv[1].rsplit(":", 1)
server = socket.create_server((host, int(port)))
print("listening", flush=True)
peer = server.accept()[0]
def read():
    for line in peer.makefile():
        print(line, end="", flush=True)
threading.Thread(target=read, daemon=True).start()
for line in sys.stdin:
    peer.sendall(line.encode())
"""


class Talker:
    """A process at a place; what it prints is read by a thread, so that silence can be told from what is late."""

    def __init__(self, network, name, program, address):
        self.process = subprocess.Popen(
            [*network.place(name).prefix, sys.executable, "-c", program, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        network.started(name, self.process.pid)
        self.heard = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.heard.append(line.strip())
                self.changed.notify_all()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hears(self, line, timeout=20):
        with self.changed:
            return self.changed.wait_for(lambda: line in self.heard, timeout)

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class NetworkTests(TestCase):
    #: Long enough for a line to arrive that is not kept.
    SILENCE = 0.5

    def check(self, network):
        self.addCleanup(network.close)
        network.enter()
        place = network.place("a")
        network.place("b")
        a = Talker(network, "a", LISTEN, place.listen)
        self.addCleanup(a.end)
        self.assertTrue(a.hears("listening"))
        b = Talker(network, "b", TALK, place.advertise)
        self.addCleanup(b.end)
        b.say("1")
        self.assertTrue(a.hears("1"))
        a.say("2")
        self.assertTrue(b.hears("2"))
        for one, other, source, destination in [("a", "b", a, b), ("b", "a", b, a)]:
            with self.subTest(f"{one} is not heard by {other}"):
                network.cut(one, other)
                source.say(f"from {one}")
                destination.say(f"to {one}")
                self.assertTrue(source.hears(f"to {one}"))
                self.assertFalse(destination.hears(f"from {one}", self.SILENCE))
                network.heal()
                self.assertTrue(destination.hears(f"from {one}"))
                # What carries the acknowledgement, without which nothing more would be sent.
                destination.say(f"{other} has heard")
                self.assertTrue(source.hears(f"{other} has heard"))
        with self.subTest("both"):
            network.isolate("a", ["a", "b"])
            a.say("from a again")
            b.say("from b again")
            self.assertFalse(b.hears("from a again", self.SILENCE))
            self.assertFalse(a.hears("from b again", self.SILENCE))
            network.heal()
            self.assertTrue(b.hears("from a again"))
            self.assertTrue(a.hears("from b again"))

    def test_each_way_is_cut_alone(self):
        self.check(choose())

    def test_each_way_is_cut_alone_by_relays(self):
        self.check(Relays())

    def test_nothing_is_left(self):
        network = choose()
        network.place("a")
        network.enter()
        network.close()
        left = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        self.assertEqual([name for name in left if f"-{os.getpid()}-" in name], [])
        # Back where loopback is that of all tests.
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), 5).close()


class LoadTests(TestCase):
    def ask(self, number):
        return f"l{number % 2}", b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % (number % 2)

    def test_it_counts_what_was_answered(self):
        upstreams = [self.start_upstream(fine) for _ in range(2)]
        targets = [(upstream.host, upstream.port) for upstream in upstreams]
        load = Load(targets, self.ask, connections=16, total=1_000).start()
        load.finish(30)
        self.assertEqual(load.sent, sum(upstream.count() for upstream in upstreams))
        self.assertGreaterEqual(load.sent, 1_000)
        self.assertEqual(load.seen((200, None)), load.sent)
        self.assertEqual(load.seen((200, None), "l0"), (load.sent + 1) // 2)

    def test_it_sends_what_is_released(self):
        async def closing(request, connection):
            await connection.respond(200, [("Connection", "close")], b"")
            connection.close()

        upstream = self.start_upstream(closing)
        load = Load([(upstream.host, upstream.port)], self.ask, connections=8, total=300, paced=True).start()
        # More than there are connections, less, and none.
        for count in (20, 3, 0, 1):
            load.release(count)
            load.wait_ended(30)
            self.assertEqual((load.sent, load.seen((200, None)), upstream.count()), (load.released,) * 3)
        load.release_all()
        load.finish(30)
        self.assertEqual(load.seen((200, None)), load.sent)
        self.assertGreaterEqual(load.sent, 300)

    def test_a_load_that_is_held_can_be_stopped(self):
        upstream = self.start_upstream(fine)
        load = Load([(upstream.host, upstream.port)], self.ask, connections=8, paced=True).start()
        load.stop()
        self.assertEqual((load.sent, upstream.count()), (0, 0))

    def test_it_outlives_whom_it_asks(self):
        async def dying(request, connection):
            if upstream.count() % 10:
                await fine(request, connection)
            else:
                connection.abort()

        upstream = self.start_upstream(dying)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            load = Load([(upstream.host, upstream.port), nobody.getsockname()], self.ask, connections=8, total=500).start()
            load.finish(30)
        self.assertEqual(load.sent, upstream.count())
        self.assertEqual(load.seen(UNKNOWN), upstream.count() // 10)
        self.assertEqual(load.seen(UNKNOWN) + load.seen((200, None)), load.sent)
        self.assertGreater(load.unconnected, 0)


if __name__ == "__main__":
    unittest.main()
