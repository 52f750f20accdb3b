"""Connections to the upstream that are kept: how many, how long, and what happens when one ends under a request."""

import os
import unittest

from proxy_case import ProxyCase


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
