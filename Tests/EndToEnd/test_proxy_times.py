"""How long a client may take, for a head, a body, a response and in between."""

import socket
import threading
import unittest

from proxy_case import ProxyCase, expect_end
from scripted_upstream import Gone


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


if __name__ == "__main__":
    unittest.main()
