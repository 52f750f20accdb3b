"""The end of a response that its reader is slow to take."""

import socket
import threading
import unittest

from client import Client
from harness import parallel
from proxy_case import ProxyCase


class LastBytes(ProxyCase):
    """A response that the gateway has whole, but its client has not: it must get all of it, however slow it is to begin."""

    def check_slow_readers(self, fields, limits):
        # One of these sizes leaves bytes in the gateway itself, between what the kernel holds on its way and what would
        # keep the gateway from reading on.
        sizes = [(1_000 + 150 * step) * 1_000 for step in range(24)]

        def script(connection):
            while request := connection.read_request():
                size = int(request.target[1:])
                connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n", bytes(size))

        gateway = self.proxy(self.scripted(script), limits=limits)

        def download(index):
            size = sizes[index]
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            sock.settimeout(30)
            sock.connect(gateway.address)
            with Client(gateway.address) as client:
                client.socket = sock
                client.send(client.head("GET", f"/{size}", fields))
                # Longer than the gateway waits for anything else: time itself is what this test is about.
                threading.Event().wait(4)
                return len(client.read_response().body)

        self.assertEqual(parallel(len(sizes), download), sizes)

    def test_on_a_connection_that_closes(self):
        self.check_slow_readers([("Connection", "close")], "")

    def test_on_a_connection_that_is_kept(self):
        self.check_slow_readers([], "keepAliveTimeout: 1s, headerTimeout: 1s, bodyIdleTimeout: 1s")


if __name__ == "__main__":
    unittest.main()
