"""Long streams through the proxy: content intact, memory flat, and neither side runs ahead of the other.

The sizes that stand still here are measured from outside: what a sender could get rid of while nobody reads, and the
gateway's resident memory.
"""

import hashlib
import threading
import unittest

from client import Client
from proxy_case import ProxyCase

MEGABYTE = 1 << 20
STREAM_BYTES = 200 * MEGABYTE
#: How much larger the gateway may be after a stream than before the first.
GROWTH_BYTES_MAX = 40 * MEGABYTE
#: What may be on its way when nobody reads: the kernel's buffers of four sockets, and the gateway's of one exchange.
IN_FLIGHT_BYTES_MAX = 64 * MEGABYTE


class Pattern:
    """A stream that cannot be lost, doubled or moved unseen: pieces of a random block, at an offset that moves on."""

    def __init__(self, random):
        self.block = random.randbytes(MEGABYTE + 4_096)

    def pieces(self, total, size=MEGABYTE):
        at = number = 0
        while at < total:
            start = number % 4_096
            piece = memoryview(self.block)[start : start + min(size, total - at)]
            yield piece
            at += len(piece)
            number += 1

    def digest(self, total):
        sha = hashlib.sha256()
        for piece in self.pieces(total):
            sha.update(piece)
        return sha.hexdigest()


class Streams(ProxyCase):
    def setUp(self):
        super().setUp()
        self.pattern = Pattern(self.random)

    def peak_bytes(self, gateway):
        """The most memory that the gateway has had resident so far."""
        with open(f"/proc/{gateway.pid}/status", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def check_flat(self, gateway, before):
        self.assertLess(self.peak_bytes(gateway) - before, GROWTH_BYTES_MAX)

    def warmed(self, upstream_script):
        upstream = self.scripted(upstream_script)
        gateway = self.proxy(upstream)
        with Client(gateway.address) as client:
            self.assertEqual(client.get("/warm").status, 200)
        return gateway, gateway.rss_bytes()

    # Up

    def receive(self, connection):
        while request := connection.read_head():
            sha = hashlib.sha256()
            connection.read_body(request, sha.update)
            connection.answer(sha.hexdigest())

    def test_an_upload_with_a_length(self):
        gateway, before = self.warmed(self.receive)
        with Client(gateway.address) as client:
            client.send(client.head("POST", "/", [("Content-Length", str(STREAM_BYTES))]))
            for piece in self.pattern.pieces(STREAM_BYTES):
                client.socket.sendall(piece)
            self.assertEqual(client.read_response().body.decode(), self.pattern.digest(STREAM_BYTES))
        self.check_flat(gateway, before)

    def test_an_upload_in_chunks(self):
        gateway, before = self.warmed(self.receive)
        with Client(gateway.address) as client:
            client.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
            for piece in self.pattern.pieces(STREAM_BYTES):
                client.socket.sendall(b"%x\r\n" % len(piece))
                client.socket.sendall(piece)
                client.socket.sendall(b"\r\n")
            client.socket.sendall(b"0\r\n\r\n")
            self.assertEqual(client.read_response().body.decode(), self.pattern.digest(STREAM_BYTES))
        self.check_flat(gateway, before)

    # Down

    def deliver(self, connection):
        while request := connection.read_request():
            total = 0 if request.target == "/warm" else STREAM_BYTES
            if request.target == "/chunks":
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for piece in self.pattern.pieces(total):
                    connection.send(b"%x\r\n" % len(piece), piece, b"\r\n")
                connection.send("0\r\n\r\n")
            else:
                connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n")
                for piece in self.pattern.pieces(total):
                    connection.send(piece)

    def digest_of_length(self, client):
        head = client.read_head()
        self.assertEqual(head.header("content-length"), str(STREAM_BYTES))
        sha = hashlib.sha256(client.buffer)
        left = STREAM_BYTES - len(client.buffer)
        client.buffer = b""
        while left:
            piece = client.socket.recv(min(left, MEGABYTE))
            self.assertTrue(piece, f"{left} bytes are missing")
            sha.update(piece)
            left -= len(piece)
        return sha.hexdigest()

    def digest_of_chunks(self, client):
        self.assertEqual(client.read_head().header("transfer-encoding"), "chunked")
        sha = hashlib.sha256()
        file = client.socket.makefile("rb", buffering=MEGABYTE)
        # What came with the head is put before the rest.
        rest = bytearray(client.buffer)
        client.buffer = b""

        def read(count):
            taken = bytes(rest[:count])
            del rest[:count]
            return taken + file.read(count - len(taken)) if len(taken) < count else taken

        def line():
            end = rest.find(b"\n")
            if end >= 0:
                return read(end + 1)
            taken = bytes(rest)
            rest.clear()
            return taken + file.readline(100)

        while size := int(line(), 16):
            while size:
                piece = read(min(size, MEGABYTE))
                self.assertTrue(piece, "the stream ended early")
                sha.update(piece)
                size -= len(piece)
            self.assertEqual(read(2), b"\r\n")
        self.assertEqual(line(), b"\r\n")
        file.close()
        return sha.hexdigest()

    def test_a_download_with_a_length(self):
        gateway, before = self.warmed(self.deliver)
        with Client(gateway.address) as client:
            client.send(client.head("GET", "/length"))
            self.assertEqual(self.digest_of_length(client), self.pattern.digest(STREAM_BYTES))
        self.check_flat(gateway, before)

    def test_a_download_in_chunks(self):
        gateway, before = self.warmed(self.deliver)
        with Client(gateway.address) as client:
            client.send(client.head("GET", "/chunks"))
            self.assertEqual(self.digest_of_chunks(client), self.pattern.digest(STREAM_BYTES))
        self.check_flat(gateway, before)

    # Neither runs ahead

    def fill(self, sock, limit):
        """Sends until nothing more is taken for a while; returns how much was."""
        sent = 0
        sock.settimeout(2)
        block = bytes(256 * 1024)
        try:
            while sent < limit:
                sent += sock.send(block)
        except TimeoutError:
            pass
        sock.settimeout(60)
        return sent

    def test_a_fast_sender_waits_for_a_slow_upstream(self):
        received = []

        def script(connection):
            request = connection.read_head()
            if request.target == "/warm":
                connection.answer("warm")
                request = connection.read_head()
            self.assertTrue(self.go.wait(60))
            sizes = []
            connection.read_body(request, lambda piece: sizes.append(len(piece)))
            received.append(sum(sizes))
            connection.answer("whole")

        gateway, before = self.warmed(script)
        with Client(gateway.address) as client:
            client.send(client.head("POST", "/", [("Content-Length", str(STREAM_BYTES))]))
            sent = self.fill(client.socket, STREAM_BYTES)
            self.assertLess(sent, IN_FLIGHT_BYTES_MAX, "the gateway takes what its upstream does not")
            self.check_flat(gateway, before)
            self.go.set()
            while sent < STREAM_BYTES:
                sent += client.socket.send(bytes(min(MEGABYTE, STREAM_BYTES - sent)))
            self.assertEqual(client.read_response().body, b"whole")
        self.assertEqual(received, [STREAM_BYTES])
        self.check_flat(gateway, before)

    def test_a_fast_upstream_waits_for_a_slow_reader(self):
        stalled = threading.Event()
        taken = []

        def script(connection):
            while (request := connection.read_request()).target == "/warm":
                connection.answer("warm")
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {STREAM_BYTES}\r\n\r\n")
            sent = self.fill(connection.sock, STREAM_BYTES)
            taken.append(sent)
            stalled.set()
            while sent < STREAM_BYTES:
                sent += connection.sock.send(bytes(min(MEGABYTE, STREAM_BYTES - sent)))

        gateway, before = self.warmed(script)
        with Client(gateway.address) as client:
            client.send(client.head("GET", "/"))
            self.assertTrue(stalled.wait(60))
            self.assertLess(taken[0], IN_FLIGHT_BYTES_MAX, "the gateway takes what its client does not")
            self.check_flat(gateway, before)
            head = client.read_head()
            left = int(head.header("content-length")) - len(client.buffer)
            while left:
                piece = client.socket.recv(min(left, MEGABYTE))
                self.assertTrue(piece, f"{left} bytes are missing")
                left -= len(piece)
        self.check_flat(gateway, before)

    def test_both_directions_at_once(self):
        # An upstream that answers while it reads: what comes back is what went in, and nothing waits for the end.
        total = 32 * MEGABYTE

        def script(connection):
            while (request := connection.read_head()).target == "/warm":
                connection.answer("warm")
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.read_body(request, connection.chunk)
            connection.send("0\r\n\r\n")

        gateway, before = self.warmed(script)
        with Client(gateway.address) as client:
            client.send(client.head("POST", "/", [("Content-Length", str(total))]))
            failures = []

            def send():
                try:
                    for piece in self.pattern.pieces(total):
                        client.socket.sendall(piece)
                except OSError as error:
                    failures.append(error)

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            self.assertEqual(self.digest_of_chunks(client), self.pattern.digest(total))
            sender.join(60)
            self.assertEqual(failures, [])
        self.check_flat(gateway, before)


if __name__ == "__main__":
    unittest.main()
