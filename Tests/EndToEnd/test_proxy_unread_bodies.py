"""Bodies that nobody has read: what is left of a request when its response is there."""

import unittest

from proxy_case import ProxyCase

#: Lies in each body: whoever reads it as a request serves /smuggled.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


class UnreadBodies(ProxyCase):
    """What is left of a request when its response is there must not be taken for the next request."""

    def test_the_body_of_a_refused_request_is_not_a_request(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream)
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
        bodies = {
            "length": ([("Content-Length", str(len(SMUGGLED)))], SMUGGLED),
            "chunks": ([("Transfer-Encoding", "chunked")], chunked),
            "a long body": ([("Content-Length", "3000000")], (SMUGGLED * 90_000)[:3_000_000]),
        }
        for name, (fields, body) in bodies.items():
            for together in (True, False):
                with self.subTest(name, together=together):
                    client = self.connect(gateway)
                    head = client.head("POST", "/shut/x", fields)
                    if together:
                        client.send(head + body)
                        response = client.read_response()
                    else:
                        client.send(head)
                        response = client.read_response()
                        if not response.closes:
                            client.send(body)
                    self.assertEqual(response.status, 403)
                    if not response.closes:
                        self.assertEqual(client.get("/next").body, b"GET /next HTTP/1.1")
        self.assertNotIn("/smuggled", [request.target for request in upstream.requests])

    def test_an_early_answer_is_seen_by_who_is_still_sending(self):
        def script(connection):
            connection.read_head()
            connection.answer("no", status="413 Too Large")
            connection.expect_closed()

        gateway = self.proxy(self.scripted(script))
        for _ in range(5):
            client = self.connect(gateway)
            client.send(client.head("POST", "/", [("Content-Length", "20000000")]))
            client.send(bytes(20_000_000))
            self.assertEqual(client.read_response().body, b"no")

    def test_a_body_that_the_upstream_has_not_read_does_not_reach_it_as_a_request(self):
        def script(connection):
            # It answers on the head alone; on a reused connection the body would come next.
            while (request := connection.read_head()).method == "GET":
                connection.answer(request.target)
            connection.answer(request.target)
            rest = bytearray(connection.buffer)
            while piece := connection.sock.recv(65_536):
                rest += piece
            self.assertTrue(SMUGGLED.startswith(bytes(rest)) or bytes(rest) == SMUGGLED, rest)

        upstream = self.scripted(script)
        gateway = self.proxy(upstream)
        for together in (True, False):
            with self.subTest(together=together):
                client = self.connect(gateway)
                head = client.head("POST", "/first", [("Content-Length", str(len(SMUGGLED)))])
                client.send(head + SMUGGLED[:9] if together else head)
                response = client.read_response()
                self.assertEqual(response.body, b"/first")
                if not response.closes:
                    client.send(SMUGGLED[9:] if together else SMUGGLED)
                    self.assertEqual(client.get("/next").body, b"/next")
        self.assertNotIn("/smuggled", [request.target for request in upstream.requests])


if __name__ == "__main__":
    unittest.main()
