"""Bounds on what a client may send and on how long it may take; each is met exactly and the gateway goes on."""

import socket
import threading
import unittest

from client import Client
from harness import parallel
from proxy_case import ProxyCase, expect_end
from scripted_upstream import Gone


class Sizes(ProxyCase):
    def exchange(self, gateway, data):
        """The response to bytes on a connection of their own, and whether that was closed."""
        client = self.connect(gateway)
        client.send(data)
        return client.read_response()

    def test_a_header_may_have_so_many_bytes(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream, limits="headerBytes: 2048, targetBytes: 1024")
        fits = b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 1_900 + b"\r\n\r\n"
        self.assertEqual(self.exchange(gateway, fits).status, 200)
        too_large = {
            "one field": b"X-A: " + b"a" * 2_100 + b"\r\n",
            "a few fields": (b"X-A: " + b"a" * 500 + b"\r\n") * 5,
            "many fields": b"X: a\r\n" * 500,
            "a name": b"X" * 2_100 + b": a\r\n",
        }
        for name, fields in too_large.items():
            with self.subTest(name):
                response = self.exchange(gateway, b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
                self.check_problem(response, 431, "too-large")
                self.assertTrue(response.closes)
        self.assertEqual(len(upstream.requests), 1)

    def test_a_header_may_have_so_many_fields(self):
        gateway = self.proxy(self.scripted(), limits="headerCount: 10")
        for count, status in [(10, 200), (11, 431), (400, 431)]:
            with self.subTest(count=count):
                fields = b"X-A: b\r\n" * (count - 1)
                response = self.exchange(gateway, b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
                self.assertEqual(response.status, status)

    def test_a_target_may_have_so_many_bytes(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream, limits="targetBytes: 256")
        for count, status in [(256, 200), (257, 414), (5_000, 414)]:
            with self.subTest(count=count):
                target = b"/" + b"a" * (count - 1)
                response = self.exchange(gateway, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertEqual(response.status, status)
        self.check_problem(response, 414, "too-large")
        self.assertEqual(len(upstream.requests), 1)

    def test_a_head_without_end_is_cut(self):
        gateway = self.proxy(self.scripted(), limits="headerBytes: 4096, headerTimeout: 2s")
        heads = {
            "target": b"GET /" + b"a" * 1_000_000,
            "method": b"A" * 1_000_000,
            "name": b"GET / HTTP/1.1\r\n" + b"A" * 1_000_000,
            "value": b"GET / HTTP/1.1\r\nHost: " + b"a" * 1_000_000,
            "fields": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 100_000,
            "spaces": b"GET / HTTP/1.1\r\nHost:" + b" " * 1_000_000,
            "empty lines": b"\r\n" * 500_000 + b"GET\r\n\r\n",
        }
        for name, data in heads.items():
            with self.subTest(name):
                client = self.connect(gateway)
                client.send(data)
                answer = expect_end(client)
                if answer:
                    self.assertIn(answer.split(b" ")[1], (b"400", b"408", b"414", b"431"))
        self.assertEqual(self.connect(gateway).get("/").status, 200)

    def test_a_body_may_have_so_many_bytes(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream, limits="bodyBytes: 1000")
        client = self.connect(gateway)
        self.assertEqual(client.post("/", b"x" * 1_000).status, 200)
        chunked = client.head("POST", "/", [("Transfer-Encoding", "chunked")])
        client.send(chunked + b"1f4\r\n%s\r\n" % (b"x" * 500) * 2 + b"0\r\n\r\n")
        self.assertEqual(client.read_response().status, 200)
        self.assertEqual([len(request.body) for request in upstream.requests], [1_000, 1_000])

        self.check_problem(client.post("/", b"x" * 1_001), 413, "too-large")
        self.assertEqual(len(upstream.requests), 2)
        # Chunks are counted as they come; what the upstream had of them never looks complete.
        for pieces in ([1_001], [500, 500, 1], [1] * 1_001):
            with self.subTest(pieces=len(pieces)):
                body = b"".join(b"%x\r\n%s\r\n" % (size, b"x" * size) for size in pieces)
                response = self.exchange(gateway, chunked + body + b"0\r\n\r\n")
                self.check_problem(response, 413, "too-large")
                self.assertTrue(response.closes)
        upstream.wait_for(
            lambda upstream: not any(request.connection in upstream.open for request in upstream.requests[2:])
        )
        self.assertTrue(all(request.body == b"" for request in upstream.requests[2:]))

    def test_no_bodies_at_all(self):
        gateway = self.proxy(self.scripted(), limits="bodyBytes: 0")
        self.assertEqual(self.connect(gateway).get("/").status, 200)
        self.assertEqual(self.connect(gateway).post("/", b"").status, 200)
        self.check_problem(self.connect(gateway).post("/", b"x"), 413, "too-large")

    def test_a_flood_of_pipelined_requests_waits_outside(self):
        def script(connection):
            while request := connection.read_request():
                self.assertTrue(self.go.wait(60))
                connection.answer(request.target)

        gateway = self.proxy(self.scripted(script))
        client = self.connect(gateway)
        client.send(client.head("GET", "/first"))
        before = gateway.rss_bytes()
        client.socket.settimeout(2)
        flood = client.head("GET", "/flood", [("X-Padding", "a" * 1_000)]) * 1_000
        sent = 0
        try:
            while sent < 200 << 20:
                sent += client.socket.send(flood)
        except TimeoutError:
            pass
        self.assertLess(sent, 100 << 20, "the gateway takes requests faster than it serves them")
        self.assertLess(gateway.rss_bytes() - before, 40 << 20)
        self.go.set()
        client.socket.settimeout(30)
        self.assertEqual(client.read_response().body, b"/first")
        self.assertEqual(client.read_response().body, b"/flood")

    def test_so_many_connections_and_no_more(self):
        gateway = self.proxy(self.scripted(), limits="maxConnections: 20")
        clients = [self.connect(gateway) for _ in range(80)]
        served = 0
        for client in clients:
            client.send(client.head("GET", "/"))
            try:
                served += client.read_response().status == 200
            except Exception:  # closed or reset at once, before or after it was accepted
                client.close()
        self.assertLessEqual(served, 20)
        self.assertGreater(served, 0)
        for client in clients:
            client.close()

        # Whoever leaves makes room.
        def served_again():
            try:
                with Client(gateway.address) as client:
                    return client.get("/").status == 200
            except Exception:
                return False

        self.assertTrue(any(served_again() for _ in range(200)))


class Times(ProxyCase):
    def test_a_head_must_arrive_in_time(self):
        gateway = self.proxy(self.scripted(), limits="headerTimeout: 1s")
        slow = self.connect(gateway, timeout=0.2)
        slow.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        answer = b""
        # Each byte on time is not the head on time.
        for _ in range(100):
            slow.send(b"X")
            try:
                answer = slow.socket.recv(65_536)
                break
            except TimeoutError:
                pass
        self.assertEqual(answer.split(b" ")[1], b"408", answer)
        slow.socket.settimeout(30)
        expect_end(slow)

        stalled = self.connect(gateway)
        stalled.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        self.check_problem(stalled.read_response(), 408, "timeout")

    def test_who_says_nothing_is_closed(self):
        gateway = self.proxy(self.scripted(), limits="headerTimeout: 1s")
        client = self.connect(gateway).open()
        self.assertEqual(expect_end(client), b"")

    def test_a_kept_connection_is_closed_when_it_is_idle(self):
        gateway = self.proxy(self.scripted(), limits="keepAliveTimeout: 1s")
        client = self.connect(gateway)
        for _ in range(3):
            self.assertEqual(client.get("/").status, 200)
        self.assertEqual(expect_end(client), b"")

    def test_the_second_head_must_arrive_in_time_too(self):
        gateway = self.proxy(self.scripted(), limits="headerTimeout: 1s")
        client = self.connect(gateway)
        self.assertEqual(client.get("/").status, 200)
        client.send(b"GET / HTTP/1.1\r\n")
        self.check_problem(client.read_response(), 408, "timeout")

    def test_a_body_that_stalls_is_408_and_ends_the_upstreams_request(self):
        closed = threading.Event()

        def script(connection):
            request = connection.read_head()
            try:
                connection.read_body(request)
            except (Gone, ConnectionError):
                closed.set()
                return
            connection.answer("whole")

        gateway = self.proxy(self.scripted(script), limits="bodyIdleTimeout: 1s")
        for fields, begin in [
            ([("Content-Length", "10")], b"hello"),
            ([("Content-Length", "10")], b""),
            ([("Transfer-Encoding", "chunked")], b"5\r\nhello\r\n"),
            ([("Transfer-Encoding", "chunked")], b"5\r\nhel"),
        ]:
            with self.subTest(fields=fields, begin=begin):
                closed.clear()
                client = self.connect(gateway)
                client.send(client.head("POST", "/", fields) + begin)
                response = client.read_response()
                self.check_problem(response, 408, "timeout")
                self.assertTrue(response.closes)
                self.assertTrue(closed.wait(30))

    def test_a_slow_body_is_no_stalled_body(self):
        upstream = self.scripted()
        client = self.connect(self.proxy(upstream, limits="bodyIdleTimeout: 1s, headerTimeout: 1s"))
        client.send(client.head("POST", "/", [("Content-Length", "8")]))
        for _ in range(8):
            # Time itself is what this test is about.
            threading.Event().wait(0.3)
            client.send(b"x")
        self.assertEqual(client.read_response().status, 200)
        self.assertEqual(upstream.requests[-1].body, b"x" * 8)

    def test_a_reader_that_stalls_is_cut_and_the_upstream_freed(self):
        closed = threading.Event()

        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    connection.chunk(bytes(65_536))
            except (BrokenPipeError, ConnectionResetError):
                closed.set()

        client = self.connect(self.proxy(self.scripted(script), limits="writeIdleTimeout: 1s"))
        client.send(client.head("GET", "/"))
        self.assertTrue(closed.wait(60), "the upstream is still being read, or held")
        self.check_cut(client)


    def test_a_slow_reader_is_no_stalled_reader(self):
        size = 5_000_000

        def script(connection):
            while connection.read_request():
                connection.answer(bytes(size))

        gateway = self.proxy(self.scripted(script), limits="writeIdleTimeout: 1s, keepAliveTimeout: 1s")
        client = self.connect(gateway)
        client.socket = socket.socket()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.socket.settimeout(30)
        client.socket.connect(gateway.address)
        client.send(client.head("GET", "/"))
        # So slowly that the kernel tells the gateway of room at longer intervals than the bound: 500 kB a second, always.
        got = 0
        while got < size:
            piece = client.socket.recv(32_768)
            self.assertTrue(piece, f"cut after {got} of {size} bytes")
            got += len(piece)
            threading.Event().wait(len(piece) / 500_000)


class LastBytes(ProxyCase):
    """A response that the gateway has whole, but its client has not: it must get all of it, however slow it is to begin."""

    def check_slow_readers(self, fields, limits):
        # One of these sizes leaves bytes in the gateway itself, between what the kernel holds on its way and what would
        # keep the gateway from reading on.
        sizes = [(1_000 + 150 * step) * 1_000 for step in range(24)]
        sent = {}

        def script(connection):
            while request := connection.read_request():
                size = int(request.target[1:])
                connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n", bytes(size))
                sent[size] = True

        gateway = self.proxy(self.scripted(script), limits=limits)

        def download(index):
            size = sizes[index]
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            sock.settimeout(30)
            sock.connect(gateway.address)
            with Client(gateway.address) as client:
                client.socket = sock
                client.send(client.head("GET", f"/{size}", fields))
                # Longer than the gateway waits for anything else: time itself is what this test is about.
                threading.Event().wait(4)
                return len(client.read_response().body)

        self.assertEqual(parallel(len(sizes), download), sizes)

    def test_on_a_connection_that_closes(self):
        self.check_slow_readers([("Connection", "close")], "")

    def test_on_a_connection_that_is_kept(self):
        self.check_slow_readers([], "keepAliveTimeout: 1s, headerTimeout: 1s, bodyIdleTimeout: 1s")


if __name__ == "__main__":
    unittest.main()
