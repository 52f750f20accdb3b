"""Whole messages through the proxy: how each kind of request and response is framed, on connections that are kept."""

import unittest

from client import Client
from harness import parallel
from proxy_case import ProxyCase


class KeptConnections(ProxyCase):
    def test_both_sides_are_kept(self):
        upstream = self.scripted()
        client = self.connect(self.proxy(upstream)).open()
        socket = client.socket
        for number in range(20):
            method, body = ("POST", b"x" * number) if number % 3 == 0 else ("GET", None)
            response = client.request(method, f"/{number}", body=body)
            self.assertEqual(response.body.decode(), f"{method} /{number} HTTP/1.1")
        self.assertIs(client.socket, socket)
        # One connection of a client lives on one loop, which has a pool of its own.
        self.assertEqual(upstream.accepted, 1)

    def test_pipelined_requests_are_answered_in_their_order(self):
        upstream = self.scripted()
        client = self.connect(self.proxy(upstream))
        sent = b""
        for number in range(30):
            if number % 3 == 0:
                sent += client.head("POST", f"/{number}", [("Content-Length", "4")]) + b"body"
            elif number % 3 == 1:
                sent += client.head("PUT", f"/{number}", [("Transfer-Encoding", "chunked")]) + b"4\r\nbody\r\n0\r\n\r\n"
            else:
                sent += client.head("GET", f"/{number}")
        client.send(sent)
        for number in range(30):
            method = ["POST", "PUT", "GET"][number % 3]
            self.assertEqual(client.read_response().body.decode(), f"{method} /{number} HTTP/1.1")
        self.assertEqual([request.target for request in upstream.requests], [f"/{number}" for number in range(30)])
        self.assertTrue(all(request.body == b"body" for request in upstream.requests if request.method != "GET"))

    def test_the_next_pipelined_request_waits_for_the_response_before_it(self):
        def script(connection):
            while True:
                request = connection.read_request()
                self.assertEqual(connection.buffer, b"", "the next request was sent before this one was answered")
                connection.answer(request.target)

        client = self.connect(self.proxy(self.scripted(script)))
        client.send(client.head("GET", "/1") + client.head("GET", "/2") + client.head("GET", "/3"))
        self.assertEqual([client.read_response().body for _ in range(3)], [b"/1", b"/2", b"/3"])

    def test_a_malformed_pipelined_request_does_not_harm_the_one_before_it(self):
        client = self.connect(self.proxy(self.scripted()))
        client.send(client.head("GET", "/1") + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + client.head("GET", "/3"))
        self.assertEqual(client.read_response().status, 200)
        self.assertEqual(client.read_response().status, 400)
        self.assertIsNone(client.socket)

    def test_refusals_keep_the_connection(self):
        client = self.connect(self.proxy(self.scripted())).open()
        socket = client.socket
        for method, body in [("GET", None), ("HEAD", None), ("POST", b"small"), ("DELETE", None), ("GET", None)]:
            response = client.request(method, "/shut/x", body=body)
            self.assertEqual((response.status, response.closes), (403, False), method)
        self.assertEqual(client.get("/open").status, 200)
        self.assertIs(client.socket, socket)

    def test_pipelined_refusals_are_answered_in_their_order(self):
        client = self.connect(self.proxy(self.scripted()))
        targets = ["/shut/1", "/2", "/shut/3", "/shut/4", "/5", "/shut/6"]
        client.send(b"".join(client.head("GET", target) for target in targets))
        self.assertEqual([client.read_response().status for _ in targets], [403, 200, 403, 403, 200, 403])

    def test_bytes_after_the_last_request_do_not_cost_its_response(self):
        gateway = self.proxy(self.scripted())
        for rest in [b"\r\n", b"x", b"GET /2 HTTP/1.1\r\nHost: x\r\n\r\n", bytes(100_000)]:
            with self.subTest(rest=rest[:20]):
                client = self.connect(gateway)
                client.send(client.head("GET", "/1", [("Connection", "close")]) + rest)
                self.assertEqual(client.read_response().body, b"GET /1 HTTP/1.1")

    def test_a_request_that_asks_for_it_is_the_last(self):
        upstream = self.scripted()
        client = self.connect(self.proxy(upstream))
        client.send(client.head("GET", "/1", [("Connection", "close")]) + client.head("GET", "/2"))
        response = client.read_response()
        self.assertEqual(response.status, 200)
        self.assertTrue(response.closes)
        self.assertEqual([request.target for request in upstream.requests], ["/1"])

    def test_an_upstream_that_closes_closes_nobody_else(self):
        def script(connection):
            connection.read_request()
            connection.answer("bye", fields=[("Connection", "close")])

        upstream = self.scripted(script)
        client = self.connect(self.proxy(upstream)).open()
        socket = client.socket
        for _ in range(3):
            response = client.get("/")
            self.assertEqual((response.body, response.closes), (b"bye", False))
        self.assertIs(client.socket, socket)
        self.assertEqual(upstream.accepted, 3)

    def test_parallel_requests_get_their_own_answers(self):
        gateway = self.proxy(self.scripted())

        def ask(index):
            with Client(gateway.address) as client:
                for number in range(5):
                    response = client.get(f"/{index}/{number}")
                    self.assertEqual(response.body.decode(), f"GET /{index}/{number} HTTP/1.1")

        parallel(60, ask, workers=20)


class Bodies(ProxyCase):
    def test_uploads_keep_their_framing_and_content(self):
        upstream = self.scripted()
        client = self.connect(self.proxy(upstream))
        content = self.random.randbytes(300_000)
        self.assertEqual(client.post("/", content).status, 200)
        self.assertEqual(upstream.requests[-1].one("content-length"), "300000")
        self.assertEqual(upstream.requests[-1].body, content)

        sent = client.head("POST", "/", [("Transfer-Encoding", "chunked")])
        at = 0
        while at < len(content):
            piece = content[at : at + self.random.choice([1, 2, 15, 16, 17, 4_096, 70_000])]
            sent += b"%X;name=value\r\n%s\r\n" % (len(piece), piece)
            at += len(piece)
        client.send(sent + b"000\r\nX-Sum: 1\r\nHost: evil\r\n\r\n")
        self.assertEqual(client.read_response().status, 200)
        request = upstream.requests[-1]
        self.assertEqual(request.one("transfer-encoding"), "chunked")
        self.assertIsNone(request.one("content-length"))
        self.assertEqual(request.body, content)
        # Trailers may be dropped, but they must never become fields, and routing must never be among them.
        self.assertNotIn("x-sum", request.names)
        self.assertNotEqual(request.one("host"), "evil")
        self.assertNotIn("host", [name.lower() for name, _ in request.trailers])

    def test_a_request_in_single_bytes_is_the_same_request(self):
        upstream = self.scripted()
        client = self.connect(self.proxy(upstream))
        data = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        for byte in data:
            client.send(bytes([byte]))
        self.assertEqual(client.read_response().status, 200)
        self.assertEqual(upstream.requests[-1].body, b"abc")

    def test_chunked_downloads_come_with_their_trailers(self):
        def script(connection):
            while True:
                connection.read_request()
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
                connection.send("4;x=y\r\nwiki\r\n", "006\r\npedia.\r\n")
                connection.send("0\r\nX-Sum: 10\r\nX-Request-Id: x\r\nSet-Cookie: a=b\r\n\r\n")

        upstream = self.scripted(script)
        client = self.connect(self.proxy(upstream))
        for _ in range(2):
            response = client.get("/")
            self.assertEqual(response.body, b"wikipedia.")
            self.assertEqual(response.trailers, [("X-Sum", "10")])
        self.assertEqual(upstream.accepted, 1)

    def test_a_body_that_ends_with_its_connection_is_chunked_for_the_client(self):
        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\n\r\n", "until ", "close")

        client = self.connect(self.proxy(self.scripted(script)))
        for _ in range(2):
            response = client.get("/")
            self.assertEqual((response.body, response.header("transfer-encoding")), (b"until close", "chunked"))

    def test_an_upstream_that_speaks_http_1_0_is_understood(self):
        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold")

        response = self.connect(self.proxy(self.scripted(script))).get("/")
        self.assertEqual((response.body, response.header("via")), (b"old", "1.0 tollgate"))

    def test_responses_without_a_body_end_with_their_head(self):
        def script(connection):
            while True:
                request = connection.read_request()
                if request.method == "HEAD" and request.target == "/chunked":
                    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                elif request.method == "HEAD":
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: \"x\"\r\n\r\n")
                elif request.target == "/204":
                    connection.send("HTTP/1.1 204 No Content\r\nX-Kept: yes\r\n\r\n")
                elif request.target == "/304":
                    connection.send('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 1000\r\n\r\n')
                else:
                    connection.answer("full")

        upstream = self.scripted(script)
        client = self.connect(self.proxy(upstream)).open()
        socket = client.socket
        head = client.request("HEAD", "/x")
        self.assertEqual((head.header("content-length"), head.header("etag")), ("1000", '"x"'))
        self.assertEqual(client.request("HEAD", "/chunked").status, 200)
        no_content = client.get("/204")
        self.assertEqual((no_content.status, no_content.all("content-length")), (204, []))
        self.assertEqual(no_content.header("x-kept"), "yes")
        self.assertEqual(client.get("/304").header("etag"), '"x"')
        # Whatever the heads said, no byte of a body came: the next response is read as such.
        self.assertEqual(client.get("/full").body, b"full")
        self.assertIs(client.socket, socket)
        self.assertEqual(upstream.accepted, 1)

    def test_refusals_of_head_have_no_body(self):
        client = self.connect(self.proxy(self.scripted()))
        refused = client.request("HEAD", "/shut/x")
        self.assertEqual(refused.status, 403)
        self.assertGreater(int(refused.header("content-length")), 10)
        self.assertEqual(client.get("/open").status, 200)


class OldClients(ProxyCase):
    def script(self, connection):
        while True:
            request = connection.read_request()
            if request.target == "/chunked":
                connection.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")
            else:
                connection.answer("length")

    def test_http_1_0_clients_see_no_chunks_and_no_informational_response(self):
        client = self.connect(self.proxy(self.scripted(self.script)))
        client.send(b"GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        response = client.read_response()
        self.assertEqual((response.status, response.body), (200, b"abc"))
        self.assertEqual((response.informational, response.all("transfer-encoding")), ([], []))
        self.assertIsNone(client.socket)

    def test_http_1_0_connections_close_unless_asked_to_stay(self):
        upstream = self.scripted(self.script)
        client = self.connect(self.proxy(upstream))
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        response = client.read_response()
        self.assertEqual((response.body, response.closes), (b"length", True))
        self.assertIsNone(client.socket)
        self.assertIsNotNone(upstream.requests[-1].one("host"))
        for _ in range(2):
            client.send(b"GET /b HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n")
            response = client.read_response()
            self.assertEqual((response.body, response.header("connection").lower()), (b"length", "keep-alive"))
            self.assertIsNotNone(client.socket)


if __name__ == "__main__":
    unittest.main()
