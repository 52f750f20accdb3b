"""Upstreams that fail, lie, stall or vanish: what the client is told, and that nothing is sent twice or taken for complete."""

import os
import socket
import threading
import unittest

from client import Client
from proxy_case import ProxyCase

NAVIGATION = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html,*/*")]


class Unreachable(ProxyCase):
    def closed_port(self):
        """An address where nobody listens, and where nobody will, as the port stays bound."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % sock.getsockname()[1]

    def full_port(self):
        """An address whose queue of connections is full: a further connect gets no answer."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.settimeout(0.3)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                return "127.0.0.1:%d" % listener.getsockname()[1]
        self.fail("the queue takes everybody")

    def test_refused_is_502(self):
        client = self.connect(self.proxy([self.closed_port()]))
        self.check_problem(client.get("/"), 502, "upstream-failed")
        self.check_problem(client.post("/", b"body"), 502, "upstream-failed")

    def test_a_browser_that_navigates_sees_a_page(self):
        client = self.connect(self.proxy([self.closed_port()]))
        response = client.get("/", NAVIGATION)
        self.assertEqual(response.status, 502)
        self.assertTrue(response.header("content-type").startswith("text/html"))
        self.assertIn(response.header("x-request-id").encode(), response.body)
        self.assertIn(b"</html>", response.body.lower())

    def test_no_connection_in_time_is_504(self):
        client = self.connect(self.proxy([self.full_port()], "connectTimeout: 300ms"))
        self.check_problem(client.get("/"), 504, "upstream-timeout")

    def test_a_dead_server_is_passed_over(self):
        upstream = self.scripted()
        gateway = self.proxy([self.closed_port(), upstream.address, self.closed_port()])
        for number in range(12):
            method, body = ("POST", b"x") if number % 2 else ("GET", None)
            with Client(gateway.address) as client:
                self.assertEqual(client.request(method, f"/{number}", body=body).status, 200)
        self.assertEqual(len(upstream.requests), 12)


class NoAnswer(ProxyCase):
    def silent_on(self, path):
        def script(connection):
            while (request := connection.read_request()).target != path:
                connection.answer("fine")
            connection.expect_closed()

        return script

    def test_no_answer_in_time_is_504(self):
        upstream = self.scripted(self.silent_on("/silent"))
        gateway = self.proxy(upstream, "responseTimeout: 300ms")
        for method, body in [("GET", None), ("POST", b"body"), ("HEAD", None)]:
            for kept in (False, True):
                with self.subTest(method=method, kept=kept):
                    client = self.connect(gateway, timeout=10)
                    if kept:
                        self.assertEqual(client.get("/fine").status, 200)
                    response = client.request(method, "/silent", body=body)
                    self.assertEqual(response.status, 504)
                    if method != "HEAD":
                        self.check_problem(response, 504, "upstream-timeout")
        # What was given up is not used again.
        upstream.wait_for(lambda upstream: not self.silent(upstream))

    @staticmethod
    def silent(upstream):
        return [r for r in upstream.requests if r.target == "/silent" and r.connection in upstream.open]

    def test_the_answer_may_take_longer_than_a_body_may_pause(self):
        def script(connection):
            while True:
                request = connection.read_request()
                # Time itself is what this test is about.
                if request.target == "/slow" and self.go.wait(2.2):
                    return
                connection.answer("late" if request.target == "/slow" else "fine")

        gateway = self.proxy(self.scripted(script), limits="bodyIdleTimeout: 1s, writeIdleTimeout: 1s, keepAliveTimeout: 1s")
        clients = []
        for method, body in [("GET", None), ("POST", b"body")]:
            for kept in (False, True):
                client = self.connect(gateway)
                if kept:
                    self.assertEqual(client.get("/fine").status, 200)
                headers = [("Content-Length", str(len(body)))] if body else []
                client.send(client.head(method, "/slow", headers) + (body or b""))
                clients.append((method, kept, client))
        for method, kept, client in clients:
            with self.subTest(method=method, kept=kept):
                response = client.read_response()
                self.assertEqual((response.status, response.body), (200, b"late"))

    def test_a_response_that_stalls_is_cut(self):
        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            connection.expect_closed()

        client = self.connect(self.proxy(self.scripted(script), "idleTimeout: 300ms"))
        client.send(client.head("GET", "/"))
        self.check_cut(client)

    def test_a_response_may_pause(self):
        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
            for _ in range(10):
                self.go.wait(0.25)
                connection.send("x")
            connection.expect_closed()

        limits = "bodyIdleTimeout: 1s, writeIdleTimeout: 1s, keepAliveTimeout: 1s"
        gateway = self.proxy(self.scripted(script), "idleTimeout: 2s, responseTimeout: 1s", limits)
        self.assertEqual(self.connect(gateway).get("/").body, b"x" * 10)

    def test_a_client_that_leaves_is_noticed(self):
        streaming = threading.Event()

        def script(connection):
            request = connection.read_request()
            if request.target == "/stream":
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                connection.chunk(b"first")
                streaming.set()
            connection.expect_closed()

        upstream = self.scripted(script)
        gateway = self.proxy(upstream)
        for target in ["/wait", "/stream"]:
            with self.subTest(target=target):
                client = self.connect(gateway)
                count = len(upstream.requests)
                client.send(client.head("GET", target))
                upstream.wait_for(lambda upstream: len(upstream.requests) > count)
                if target == "/stream":
                    self.assertTrue(streaming.wait(30))
                    self.assertEqual(client.read_head().status, 200)
                client.close()
                upstream.wait_for(lambda upstream: not upstream.open)


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
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(extra), extra)
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


class Retries(ProxyCase):
    """A kept connection that the server closes under a request."""

    def stale(self, answered_from=None):
        """Each connection answers one /warm and ends on what follows without an answer, until so many have been opened."""

        def script(connection):
            while request := connection.read_request():
                if request.target != "/warm" and (answered_from is None or connection.number < answered_from):
                    return
                connection.answer(request.line)

        return self.scripted(script)

    def attempts(self, upstream):
        return [request for request in upstream.requests if request.target != "/warm"]

    def test_an_idempotent_request_is_sent_once_more(self):
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]:
            with self.subTest(method):
                upstream = self.stale(answered_from=1)
                client = self.connect(self.proxy(upstream))
                self.assertEqual(client.get("/warm").status, 200)
                client.send(client.head(method, "/x"))
                self.assertEqual(client.read_response(method).status, 200)
                self.assertEqual([request.connection for request in self.attempts(upstream)], [0, 1])

    def test_it_is_not_sent_a_third_time(self):
        upstream = self.stale()
        client = self.connect(self.proxy(upstream))
        self.assertEqual(client.get("/warm").status, 200)
        client.send(client.head("GET", "/x"))
        self.check_problem(client.read_response(), 502, "upstream-failed")
        self.assertEqual(len(self.attempts(upstream)), 2)

    def test_what_may_not_happen_twice_is_sent_once(self):
        cases = [
            ("POST", [], b""),
            ("POST", [("Content-Length", "0")], b""),
            ("POST", [("Content-Length", "4")], b"body"),
            ("PATCH", [], b""),
            ("PURGE", [], b""),
            ("PUT", [("Content-Length", "4")], b"body"),
            ("PUT", [("Transfer-Encoding", "chunked")], b"4\r\nbody\r\n0\r\n\r\n"),
        ]
        for method, fields, body in cases:
            with self.subTest(method, fields=fields):
                upstream = self.stale(answered_from=1)
                client = self.connect(self.proxy(upstream))
                self.assertEqual(client.get("/warm").status, 200)
                client.send(client.head(method, "/x", fields) + body)
                self.check_problem(client.read_response(), 502, "upstream-failed")
                self.assertEqual(len(self.attempts(upstream)), 1)

    def test_a_fresh_connection_that_closes_is_a_failure_at_once(self):
        upstream = self.stale()
        client = self.connect(self.proxy(upstream))
        client.send(client.head("GET", "/x"))
        self.check_problem(client.read_response(), 502, "upstream-failed")
        self.assertEqual(len(self.attempts(upstream)), 1)

    def test_a_response_that_has_begun_is_not_asked_for_again(self):
        def script(connection):
            while (request := connection.read_request()).target == "/warm":
                connection.answer("warm")
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")

        upstream = self.scripted(script)
        client = self.connect(self.proxy(upstream))
        self.assertEqual(client.get("/warm").status, 200)
        client.send(client.head("GET", "/x"))
        self.check_cut(client)
        self.assertEqual(len(self.attempts(upstream)), 1)


class Pool(ProxyCase):
    def test_unused_connections_are_closed(self):
        upstream = self.scripted()
        client = self.connect(self.proxy(upstream, "keepAliveTimeout: 100ms"))
        self.assertEqual(client.get("/").status, 200)
        upstream.wait_for(lambda upstream: not upstream.open)
        self.assertEqual(client.get("/").status, 200)
        self.assertEqual(upstream.accepted, 2)

    def test_connections_can_be_used_once(self):
        upstream = self.scripted()
        client = self.connect(self.proxy(upstream, "keepAliveTimeout: 0s"))
        for count in range(1, 4):
            self.assertEqual(client.get("/").status, 200)
            upstream.wait_for(lambda upstream: not upstream.open)
            self.assertEqual(upstream.accepted, count)

    def test_no_more_connections_than_allowed_and_those_who_wait_are_served(self):
        def script(connection):
            while request := connection.read_request():
                self.assertTrue(self.go.wait(30))
                connection.answer(request.target)

        upstream = self.scripted(script)
        # At least one for each loop: with two loops this is two.
        gateway = self.proxy(upstream, "maxConnections: 2, connectTimeout: 30s")
        # One is served and four wait, should all have come to the same loop.
        clients = [self.connect(gateway) for _ in range(5)]
        for number, client in enumerate(clients):
            client.send(client.head("GET", f"/{number}"))
        upstream.wait_for(lambda upstream: upstream.requests)
        self.go.set()
        for number, client in enumerate(clients):
            self.assertEqual(client.read_response().body.decode(), f"/{number}")
        self.assertLessEqual(upstream.accepted, 2)

    def test_who_waits_too_long_is_told_so(self):
        def script(connection):
            while request := connection.read_request():
                self.assertTrue(self.go.wait(30))
                connection.answer(request.target)

        gateway = self.proxy(self.scripted(script), "maxConnections: 1, connectTimeout: 300ms")
        clients = [self.connect(gateway) for _ in range(12)]
        for client in clients:
            client.send(client.head("GET", "/"))
        # Each loop may have one; the others are refused while that one is still out.
        refused = 0
        for client in clients:
            client.socket.settimeout(3)
            try:
                response = client.read_response()
            except TimeoutError:
                continue
            self.check_problem(response, 503, "upstream-unavailable")
            self.assertGreaterEqual(int(response.header("retry-after")), 1)
            refused += 1
        self.go.set()
        self.assertGreaterEqual(refused, 12 - os.cpu_count())


if __name__ == "__main__":
    unittest.main()
