"""Responses before the response, and offers to speak something else: 1xx, Expect, Upgrade, CONNECT."""

import unittest

from proxy_case import ProxyCase, expect_end


class Informational(ProxyCase):
    def test_early_hints_are_relayed_before_the_response(self):
        def script(connection):
            while True:
                connection.read_request()
                connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-I\r\nX-I: 1\r\n\r\n")
                connection.send("HTTP/1.1 102 Processing\r\n\r\n")
                connection.answer("late")

        client = self.connect(self.proxy(self.scripted(script)))
        for _ in range(2):
            response = client.get("/")
            self.assertEqual([early.status for early in response.informational], [103, 102])
            self.assertEqual(response.informational[0].header("link"), "</a.css>; rel=preload")
            self.assertEqual(response.informational[0].all("x-i"), [])
            self.assertEqual(response.informational[0].all("content-length"), [])
            self.assertEqual(response.body, b"late")

    def expecting(self, gateway, length=5, target="/"):
        client = self.connect(gateway)
        client.send(client.head("POST", target, [("Content-Length", str(length)), ("Expect", "100-continue")]))
        return client

    def test_100_is_the_upstreams_to_say(self):
        def script(connection):
            request = connection.read_head()
            self.assertEqual(request.one("expect"), "100-continue")
            self.assertEqual(connection.buffer, b"")
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            connection.read_body(request)
            connection.answer(request.body)
            connection.expect_closed()

        client = self.expecting(self.proxy(self.scripted(script)))
        self.assertEqual(client.read_head().status, 100)
        client.send(b"hello")
        self.assertEqual(client.read_response().body, b"hello")

    def test_a_client_need_not_wait_for_100(self):
        def script(connection):
            connection.answer(connection.read_request().body)
            connection.expect_closed()

        client = self.expecting(self.proxy(self.scripted(script)))
        client.send(b"hello")
        self.assertEqual(client.read_response().body, b"hello")

    def test_an_upload_that_the_upstream_refuses_is_not_asked_for(self):
        closed = []

        def script(connection):
            connection.read_head()
            connection.answer("no", status="413 Too Large")
            connection.expect_closed()
            closed.append(True)

        upstream = self.scripted(script)
        client = self.expecting(self.proxy(upstream), length=1_000)
        response = client.read_response()
        self.assertEqual((response.status, response.informational, response.body), (413, [], b"no"))
        # The client may or may not send its thousand bytes now: nobody can tell them from the next request.
        self.assertTrue(response.closes)
        upstream.wait_for(lambda upstream: closed)

    def test_an_upload_that_the_gateway_refuses_is_not_asked_for(self):
        upstream = self.scripted()
        client = self.expecting(self.proxy(upstream), target="/shut/x")
        response = client.read_response()
        self.assertEqual((response.status, response.informational, response.closes), (403, [], True))
        self.assertEqual(upstream.accepted, 0)

class OtherProtocols(ProxyCase):
    def test_protocols_are_not_switched(self):
        offers = [
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n",
            b"Upgrade: TLS/1.2\r\nConnection: keep-alive, upgrade\r\n",
            b"Upgrade: h2c, websocket\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        ]
        upstream = self.scripted()
        gateway = self.proxy(upstream)
        for offer in offers:
            with self.subTest(offer=offer):
                client = self.connect(gateway)
                client.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + offer + b"\r\n" + client.head("GET", "/smuggled"))
                self.check_problem(client.read_response(), 501, "not-implemented")
                self.assertIsNone(client.socket)
        self.assertEqual(upstream.requests, [])

    def test_no_tunnels_are_opened(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream)
        for target in [upstream.address, "x:443", "/", "x", f"http://{upstream.address}/"]:
            with self.subTest(target=target):
                client = self.connect(gateway)
                client.send(b"CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode() + client.head("GET", "/smuggled"))
                response = client.read_response()
                self.assertIn(response.status, (400, 501))
                self.assertIsNone(client.socket)
        self.assertEqual(upstream.accepted, 0)

    def test_an_offer_of_http_2_is_answered_in_http_1_1(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream)
        offer = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")]
        for method, body in [("GET", None), ("POST", b"hello")]:
            with self.subTest(method=method):
                response = self.connect(gateway).request(method, "/", offer, body)
                self.assertEqual((response.status, response.body.decode()), (200, f"{method} / HTTP/1.1"))
                request = upstream.requests[-1]
                self.assertEqual(request.body, body or b"")
                for name in ["upgrade", "http2-settings", "connection"]:
                    self.assertNotIn(name, request.names)

    def test_http_2_itself_is_refused(self):
        client = self.connect(self.proxy(self.scripted()))
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        self.assertIn(expect_end(client).split(b" ")[1], (b"400", b"505"))

    def test_a_switch_that_nobody_asked_for_is_a_failure(self):
        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes")
            connection.expect_closed()

        client = self.connect(self.proxy(self.scripted(script)))
        self.check_problem(client.get("/"), 502, "upstream-failed")


if __name__ == "__main__":
    unittest.main()
