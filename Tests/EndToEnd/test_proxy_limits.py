"""Bounds on what a client may send and on how long it may take; each is met exactly and the gateway goes on."""

import unittest

from client import Client
from proxy_case import ProxyCase, expect_end


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


if __name__ == "__main__":
    unittest.main()
