"""Requests that two parsers could read in two ways: each is refused, its connection closed, and nothing behind it is served.

Each attempt carries a whole second request where a careless reader would find one. It asks for /smuggled, which the upstream
must never see.
"""

import unittest

from proxy_case import ProxyCase

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def post(*lines, body=b""):
    """A POST with these raw header lines."""
    return b"\r\n".join([b"POST /victim HTTP/1.1", b"Host: x", *lines]) + b"\r\n\r\n" + body


FRAMING = {
    "length and chunks": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunks and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 36", body=SMUGGLED),
    "two lengths, the other way": post(b"Content-Length: 36", b"Content-Length: 0", body=SMUGGLED),
    "a list of lengths": post(b"Content-Length: 0, 36", body=SMUGGLED),
    "a signed length": post(b"Content-Length: +0", body=SMUGGLED),
    "a negative length": post(b"Content-Length: -1", body=SMUGGLED),
    "a hexadecimal length": post(b"Content-Length: 0x0", body=SMUGGLED),
    "a length with a space in it": post(b"Content-Length: 0 0", body=SMUGGLED),
    "a length with a fraction": post(b"Content-Length: 0.0", body=SMUGGLED),
    "a length beyond 64 bits": post(b"Content-Length: 18446744073709551616", body=SMUGGLED),
    "a length far beyond 64 bits": post(b"Content-Length: " + b"9" * 400, body=SMUGGLED),
    "an empty length": post(b"Content-Length: ", body=SMUGGLED),
    "a quoted length": post(b'Content-Length: "0"', body=SMUGGLED),
    "another coding": post(b"Transfer-Encoding: gzip", body=SMUGGLED),
    "another coding before chunks": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "another coding after chunks": post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n" + SMUGGLED),
    "identity": post(b"Transfer-Encoding: identity", b"Content-Length: 0", body=SMUGGLED),
    "identity alone": post(b"Transfer-Encoding: identity", body=SMUGGLED),
    "chunks twice": post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunks in two fields": post(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "chunks and another in two fields": post(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "not quite chunked": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "quoted chunked": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n" + SMUGGLED),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n" + SMUGGLED),
    "chunked after a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "an empty coding": post(b"Transfer-Encoding: ", b"Content-Length: 0", body=SMUGGLED),
    "chunks in HTTP/1.0": b"POST /victim HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
}

FIELDS = {
    "a space before the colon": post(b"Content-Length : 36", body=SMUGGLED),
    "a tab before the colon": post(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "a space before the colon of the host": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + SMUGGLED,
    "a folded value": post(b"X-A: b", b" c", body=SMUGGLED),
    "a folded coding": post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "a fold by a tab": post(b"X-A: b", b"\tTransfer-Encoding: chunked", body=SMUGGLED),
    "a space before the first field": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n" + SMUGGLED,
    "NUL in a value": post(b"X-A: b\0c", body=SMUGGLED),
    "NUL in a name": post(b"X\0A: b", body=SMUGGLED),
    "a control character in a value": post(b"X-A: b\x01c", body=SMUGGLED),
    "DEL in a value": post(b"X-A: b\x7fc", body=SMUGGLED),
    "CR in a value": post(b"X-A: b\rContent-Length: 36", body=SMUGGLED),
    "CR at the end of a value": post(b"X-A: b\r", body=SMUGGLED),
    "no colon": post(b"Content-Length 36", body=SMUGGLED),
    "no name": post(b": 36", body=SMUGGLED),
    "a name with a bracket": post(b"X(A): b", body=SMUGGLED),
    "a name that is not ASCII": post("X-É: b".encode(), body=SMUGGLED),
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + SMUGGLED,
    "one host twice": b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n" + SMUGGLED,
    "no host": b"GET / HTTP/1.1\r\n\r\n" + SMUGGLED,
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n" + SMUGGLED,
    "a host with a space": b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n" + SMUGGLED,
    "a host with a path": b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n" + SMUGGLED,
    "a host with a user": b"GET / HTTP/1.1\r\nHost: a@x\r\n\r\n" + SMUGGLED,
    "a host with a bad port": b"GET / HTTP/1.1\r\nHost: x:99999999\r\n\r\n" + SMUGGLED,
    "a list of hosts": b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n" + SMUGGLED,
}

LINES = {
    "bare LF after a field": b"GET / HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n" + SMUGGLED,
    "bare LF at the end of the head": b"GET / HTTP/1.1\r\nHost: x\r\n\n" + SMUGGLED,
    "bare LF after the request line": b"GET / HTTP/1.1\nHost: x\r\n\r\n" + SMUGGLED,
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: x\n\n" + SMUGGLED,
    "CR CR LF": b"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a tab": b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a word after the version": b"GET / HTTP/1.1 x\r\nHost: x\r\n\r\n" + SMUGGLED,
    "NUL in the target": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "no target": b"GET HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a relative target": b"GET x HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a fragment": b"GET /x#y HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "no version": b"GET /\r\nHost: x\r\n\r\n" + SMUGGLED,
    "HTTP/0.9": b"GET / HTTP/0.9\r\nHost: x\r\n\r\n" + SMUGGLED,
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n" + SMUGGLED,
    "HTTP/1.10": b"GET / HTTP/1.10\r\nHost: x\r\n\r\n" + SMUGGLED,
    "version in small letters": b"GET / http/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a method that is no token": b"G{T / HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a TLS greeting": bytes.fromhex("1603010200010001fc0303") + bytes(600),
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
}

CHUNKS = {
    "a size beyond 64 bits": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "a size that wraps to 5": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size of 2^64 - 1": b"FFFFFFFFFFFFFFFFFF\r\n\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a signed size": b"+5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "an extension without a size": b";a=b\r\nhello\r\n0\r\n\r\n",
    "a space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "letters": b"xyz\r\nhello\r\n0\r\n\r\n",
    "a longer chunk than its size": b"5\r\nhello!\r\n0\r\n\r\n",
    "no end after the chunk": b"5\r\nhello0\r\n\r\n",
    "bare LF after the size": b"5\nhello\r\n0\r\n\r\n",
    "bare LF after the chunk": b"5\r\nhello\n0\r\n\r\n",
    "bare LF in an extension": b"5;a\nhello\r\n0\r\n\r\n",
    "bare LF after the last chunk": b"5\r\nhello\r\n0\n\n",
    "CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;a\0b\r\nhello\r\n0\r\n\r\n",
    "a folded trailer": b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n",
    "a trailer with a space before its colon": b"5\r\nhello\r\n0\r\nX-A : b\r\n\r\n",
    "a length among the trailers": b"5\r\nhello\r\n0\r\nContent-Length: 36\r\n\r\n",
    "a coding among the trailers": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
}


class Malformed(ProxyCase):
    def setUp(self):
        super().setUp()
        self.upstream = self.scripted()
        self.gateway = self.proxy(self.upstream)

    def refuse(self, attempts, statuses):
        for name, data in attempts.items():
            with self.subTest(name):
                self.upstream.requests.clear()
                client = self.connect(self.gateway, timeout=10)
                client.send(data)
                response = client.read_response()
                self.assertIn(response.status, statuses, response)
                self.assertTrue(response.closes)
                self.assertEqual(response.header("content-type"), "application/problem+json")
                self.assertIsNotNone(response.header("x-request-id"))
                self.assertEqual([request.target for request in self.upstream.requests], [])
        self.still_serving()

    def still_serving(self):
        self.assertEqual(self.connect(self.gateway).get("/fine").status, 200)

    def test_bodies_of_two_lengths_are_refused(self):
        self.refuse(FRAMING, (400, 501))

    def test_fields_that_are_none_are_refused(self):
        self.refuse(FIELDS, (400,))

    def test_lines_that_are_none_are_refused(self):
        self.refuse(LINES, (400, 505))

    def test_broken_chunks_are_refused_and_never_look_complete_to_the_upstream(self):
        for name, body in CHUNKS.items():
            with self.subTest(name):
                client = self.connect(self.gateway, timeout=10)
                client.send(post(b"Transfer-Encoding: chunked", body=body + SMUGGLED))
                response = client.read_response()
                self.assertEqual(response.status, 400, response)
                self.assertTrue(response.closes)
        self.still_serving()
        # Where the head had been passed on already, its connection was cut in the middle of the body.
        self.upstream.wait_for(
            lambda upstream: not any(request.connection in upstream.open for request in self.victims(upstream))
        )
        for request in self.victims(self.upstream):
            self.assertEqual(request.body, b"", "the upstream took a broken body for a whole one")
        self.assertNotIn("/smuggled", [request.target for request in self.upstream.requests])

    @staticmethod
    def victims(upstream):
        return [request for request in upstream.requests if request.target == "/victim"]

    def test_what_goes_on_without_end_is_cut(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream, limits="bodyIdleTimeout: 1s")
        endless = {
            "a chunk's extension": (b"5;", b"a"),
            "a chunk's size": (b"", b"0"),
            "a trailer": (b"0\r\nX-A: ", b"a"),
            "trailers": (b"0\r\n", b"X-A: b\r\n"),
        }
        for name, (begin, more) in endless.items():
            with self.subTest(name):
                client = self.connect(gateway, timeout=0.05)
                client.send(post(b"Transfer-Encoding: chunked", body=begin))
                # Bytes that bring the body no further are no progress, however many come.
                answer = self.sent_until_answered(client, more * 100, tries=400)
                self.assertIn(answer.split(b" ")[1], (b"400", b"408", b"431"))
        self.assertEqual(self.connect(gateway).get("/fine").status, 200)
        upstream.wait_for(
            lambda upstream: not any(request.connection in upstream.open for request in self.victims(upstream))
        )

    def sent_until_answered(self, client, data, tries):
        for _ in range(tries):
            client.send(data)
            try:
                return client.socket.recv(65_536)
            except TimeoutError:
                pass
        self.fail("it goes on and on")

    def test_an_empty_line_before_a_request_is_passed_over(self):
        client = self.connect(self.gateway)
        client.send(b"\r\nGET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(client.read_response().body, b"GET /1 HTTP/1.1")

    def test_a_refusal_is_seen_although_more_follows(self):
        for _ in range(10):
            client = self.connect(self.gateway)
            client.send(b"POST / HTTP/1.1\r\nHost : x\r\nContent-Length: 700000\r\n\r\n" + bytes(700_000))
            self.assertEqual(client.read_response().status, 400)

    def test_noise_never_ends_the_program(self):
        for _ in range(200):
            client = self.connect(self.gateway)
            noise = self.random.randbytes(self.random.choice([1, 10, 1_000, 20_000]))
            if self.random.random() < 0.5:
                noise = self.mutated(post(b"Content-Length: 5", body=b"hello" + SMUGGLED)) + noise
            client.send(noise + b"\r\n\r\n")
            client.close()
        self.still_serving()

    def mutated(self, data):
        data = bytearray(data)
        for _ in range(self.random.choice([1, 2, 5])):
            data[self.random.randrange(len(data))] = self.random.randrange(256)
        return bytes(data)


if __name__ == "__main__":
    unittest.main()
