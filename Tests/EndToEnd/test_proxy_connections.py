"""Many connections that do nothing, or little, beside a few that work."""

import resource
import socket
import threading
import unittest

from client import Client
from harness import parallel
from proxy_case import ProxyCase
from scripted_upstream import serve_ok

IDLE = 2_000
SLOW_UPLOADS = 150
SLOW_READERS = 50
DESCRIPTORS = 12_000
#: More than the gateway may need for each connection, on average: its handlers, and what waits for a slow reader.
CONNECTION_BYTES_MAX = 64 * 1024
DOWNLOAD_BYTES = 4 << 20


class Crowd(ProxyCase):
    def setUp(self):
        super().setUp()
        # The gateway inherits it; the clients' ends and the upstream's are all in this process.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < DESCRIPTORS:
            if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
                self.skipTest(f"needs {DESCRIPTORS} file descriptors, may have {hard}")
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def script(self, connection):
        while request := connection.read_head():
            connection.read_body(request)
            if request.target == "/download":
                connection.answer(bytes(DOWNLOAD_BYTES))
            else:
                connection.answer(request.line)

    def working(self, gateway):
        """Others, who notice nothing."""

        def ask(index):
            with Client(gateway.address) as client:
                for number in range(20):
                    if number % 2:
                        response = client.post(f"/{index}/{number}", b"x" * 1_000)
                    else:
                        response = client.get(f"/{index}/{number}")
                    self.assertEqual(response.status, 200)
                    self.assertIn(f"/{index}/{number}", response.body.decode())

        parallel(30, ask, workers=4)

    def test_idle_and_slow_connections_disturb_nobody(self):
        upstream = self.scripted(self.script)
        gateway = self.proxy(upstream, limits="headerTimeout: 5m, keepAliveTimeout: 5m, bodyIdleTimeout: 5m")
        self.working(gateway)
        before, descriptors = gateway.rss_bytes(), gateway.descriptors()

        idle = [self.connect(gateway).open() for _ in range(IDLE)]
        # A part of them has been served once, a part has begun a head, the others say nothing at all.
        for client in idle[: IDLE // 4]:
            self.assertEqual(client.get("/").status, 200)
        for client in idle[IDLE // 4 : IDLE // 2]:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")

        uploads = [self.connect(gateway) for _ in range(SLOW_UPLOADS)]
        for client in uploads:
            client.send(client.head("POST", "/upload", [("Content-Length", "20")]))
        readers = []
        for _ in range(SLOW_READERS):
            client = self.connect(gateway)
            client.socket = socket.socket()
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            client.socket.settimeout(60)
            client.socket.connect(gateway.address)
            client.send(client.head("GET", "/download"))
            readers.append(client)
        for _ in range(10):
            for client in uploads:
                client.send(b"x")
            for client in readers:
                client.buffer += client.socket.recv(1_000)
        self.working(gateway)

        connections = IDLE + SLOW_UPLOADS + SLOW_READERS
        self.assertGreaterEqual(gateway.descriptors() - descriptors, connections)
        self.assertLess(gateway.rss_bytes() - before, connections * CONNECTION_BYTES_MAX)

        # Nobody has been forgotten over it.
        for client in idle[: IDLE // 4]:
            client.send(client.head("GET", "/again"))
            self.assertEqual(client.read_response().body, b"GET /again HTTP/1.1")
        for client in idle[IDLE // 4 : IDLE // 2]:
            client.send(b"\r\n")
            self.assertEqual(client.read_response().status, 200)
        for client in uploads:
            client.send(b"x" * 10)
            self.assertEqual(client.read_response().body, b"POST /upload HTTP/1.1")
        for client in readers:
            self.assertEqual(len(client.read_response().body), DOWNLOAD_BYTES)
        for client in idle + uploads + readers:
            client.close()
        self.working(gateway)

    def test_connections_that_come_and_go_leave_nothing_behind(self):
        gateway = self.proxy(self.scripted(serve_ok), "keepAliveTimeout: 100ms")

        def come_and_go(index):
            client = Client(gateway.address).open()
            kind = index % 5
            if kind == 0:
                self.assertEqual(client.get("/").status, 200)
            elif kind == 1:
                client.send(b"GET / HT")
            elif kind == 2:
                client.send(client.head("POST", "/", [("Content-Length", "10")]) + b"half")
            elif kind == 3:
                client.send(client.head("GET", "/"))
            if kind == 4:
                # Ends by a reset.
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()

        parallel(200, come_and_go, workers=8)
        settled = self.settled_descriptors(gateway)
        for _ in range(3):
            parallel(1_000, come_and_go, workers=8)
        self.assertLessEqual(self.settled_descriptors(gateway), settled + 8)

    def settled_descriptors(self, gateway):
        """How many there are when they have become no fewer for a while."""
        least = gateway.descriptors()
        tries = 0
        while tries < 10:
            threading.Event().wait(0.1)
            count = gateway.descriptors()
            tries = 0 if count < least else tries + 1
            least = min(least, count)
        return least


if __name__ == "__main__":
    unittest.main()
