"""Upstreams that answer with what is no response, half of one or more than one."""

import socket
import threading
import unittest

from proxy_case import ProxyCase


class BadAnswers(ProxyCase):
    GARBAGE = {
        "nothing": b"",
        "text": b"hello\r\n\r\n",
        "zeros": bytes(64),
        "a TLS alert": bytes.fromhex("15030300020228"),
        "SMTP": b"220 mail ESMTP\r\n",
        "half a head": b"HTTP/1.1 200 OK\r\nContent-",
        "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
        "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "no status": b"HTTP/1.1\r\n\r\n",
        "another version": b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",
        "a field without a colon": b"HTTP/1.1 200 OK\r\nBroken\r\nContent-Length: 0\r\n\r\n",
        "a space before a colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        "NUL in a field": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "CR in a field": b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 3\r\n\r\nhello",
        "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a line without end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 3_000_000,
        "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200_000,
    }

    def test_what_is_not_http_is_502(self):
        def script(connection):
            request = connection.read_request()
            connection.send(self.GARBAGE[request.one("x-case")])

        upstream = self.scripted(script)
        gateway = self.proxy(upstream)
        for name in self.GARBAGE:
            with self.subTest(name):
                client = self.connect(gateway)
                self.check_problem(client.get("/", [("X-Case", name)]), 502, "upstream-failed")
        self.assertGreaterEqual(len(upstream.requests), len(self.GARBAGE))

    def test_a_reset_is_502(self):
        def script(connection):
            connection.read_request()
            connection.reset()

        client = self.connect(self.proxy(self.scripted(script)))
        self.check_problem(client.get("/"), 502, "upstream-failed")
        self.check_problem(client.post("/", b"body"), 502, "upstream-failed")

    CUT = {
        "less than its length": (b"Content-Length: 10\r\n\r\nhello", False),
        "nothing of its length": (b"Content-Length: 10\r\n\r\n", False),
        "less than its length, reset": (b"Content-Length: 10\r\n\r\nhello", True),
        "no last chunk": (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", False),
        "no end after the last chunk": (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", False),
        "half a chunk": (b"Transfer-Encoding: chunked\r\n\r\n10\r\nhello", False),
        "half a chunk size": (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1", False),
        "no last chunk, reset": (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", True),
        "a broken chunk size": (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n", False),
        "a chunk size that wraps": (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10000000000000000\r\n0\r\n\r\n", False),
        "until close, reset": (b"\r\nhello", True),
    }

    def test_a_response_that_is_cut_short_never_looks_complete(self):
        def script(connection):
            request = connection.read_request()
            data, resets = self.CUT[request.one("x-case")]
            connection.send(b"HTTP/1.1 200 OK\r\n" + data)
            if resets:
                # Only when the gateway has passed on what came before, as a reset may overtake it.
                self.assertTrue(self.passed_on.wait(30))
                connection.reset()

        gateway = self.proxy(self.scripted(script))
        for name, (_, resets) in self.CUT.items():
            for version in ("1.1", "1.0"):
                with self.subTest(name, version=version):
                    self.passed_on = threading.Event()
                    client = self.connect(gateway)
                    client.send(f"GET / HTTP/{version}\r\nHost: x\r\nX-Case: {name}\r\n\r\n".encode())
                    if resets:
                        # Look at the first byte, but leave it there.
                        self.assertEqual(len(client.socket.recv(1, socket.MSG_PEEK)), 1)
                        self.passed_on.set()
                    self.check_cut(client)

    def test_trailers_without_end_are_cut(self):
        cut = threading.Event()

        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
            try:
                for _ in range(5_000):
                    connection.send(b"X-A: b\r\n" * 1_000)
            except ConnectionError:
                cut.set()

        client = self.connect(self.proxy(self.scripted(script)))
        client.send(client.head("GET", "/"))
        self.check_cut(client)
        self.assertTrue(cut.wait(60))

    def test_informational_responses_without_end_wait_for_their_reader(self):
        sent = []

        def script(connection):
            connection.read_request()
            connection.sock.settimeout(2)
            hints = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 1_000
            try:
                while sum(sent) < 200 << 20:
                    sent.append(connection.sock.send(hints))
            except (TimeoutError, ConnectionError):
                pass
            self.go.wait(60)

        gateway = self.proxy(self.scripted(script))
        client = self.connect(gateway)
        before = gateway.rss_bytes()
        client.send(client.head("GET", "/"))
        # Nobody reads them: they must pile up outside.
        self.assertTrue(client.socket.recv(1, socket.MSG_PEEK))
        self.go.wait(4)
        self.assertLess(sum(sent), 64 << 20)
        self.assertLess(gateway.rss_bytes() - before, 40 << 20)
        self.assertTrue(gateway.is_running())

    def test_bytes_after_a_response_are_nobodys_response(self):
        extra = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

        def script(connection):
            request = connection.read_request()
            if request.target == "/head":
                # In one piece, as below: what arrives after the next request was sent cannot be told from its response.
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(extra) + extra)
            elif request.target == "/204":
                connection.send(b"HTTP/1.1 204 No Content\r\n\r\n" + extra)
            elif request.target == "/304":
                connection.send(b"HTTP/1.1 304 Not Modified\r\n\r\n" + extra)
            else:
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + extra)
            while request := connection.read_request():
                connection.answer("own " + request.target)

        gateway = self.proxy(self.scripted(script))
        for method, target in [("GET", "/200"), ("HEAD", "/head"), ("GET", "/204"), ("GET", "/304")]:
            for pipelined in (True, False):
                with self.subTest(target=target, pipelined=pipelined):
                    client = self.connect(gateway)
                    client.send(client.head(method, target))
                    if pipelined:
                        client.send(client.head("GET", "/next"))
                    first = client.read_response(method)
                    self.assertIn(first.status, (200, 204, 304))
                    self.assertEqual(first.body, b"ok" if target == "/200" else b"")
                    if not pipelined:
                        client.send(client.head("GET", "/next"))
                    second = client.read_response()
                    self.assertNotIn(b"poison", second.body)
                    self.assertIn(second.body, (b"own /next", b"ok"))
                    client.close()


if __name__ == "__main__":
    unittest.main()
