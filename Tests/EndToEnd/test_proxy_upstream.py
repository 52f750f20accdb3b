"""Upstreams that fail, lie, stall or vanish: what the client is told, and that nothing is sent twice or taken for complete."""

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


if __name__ == "__main__":
    unittest.main()
