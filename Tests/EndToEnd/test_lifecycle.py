"""A node's life once it runs: how it ends, and what it does with what the system allows it."""

import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import unittest

from client import Client
from harness import BINARY, parallel
from proxy_case import ProxyCase, expect_end, take

PROBES = 'probes: { address: "127.0.0.1:0" }'


class Ends(ProxyCase):
    def held(self, connection):
        """Answers /held when it may, in two pieces of which the first comes at once for /begun; everything else at once."""
        while request := connection.read_request():
            if request.target == "/begun":
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
                if not self.go.wait(60):
                    return
                connection.send("half")
            elif request.target == "/held":
                if not self.go.wait(60):
                    return
                connection.answer("whole")
            else:
                connection.answer("fine")

    def probe(self, gateway, path):
        with Client(gateway.probes) as client:
            return client.get(path).status

    def stopping(self, gateway):
        gateway.terminate()
        gateway.wait_for(lambda lines: any(line.get("message") == "stopping" for line in lines))

    def test_what_runs_is_finished_and_nothing_else_begins(self):
        upstream = self.scripted(self.held)
        gateway = self.proxy(upstream, more=PROBES)
        self.assertEqual((self.probe(gateway, "/readyz"), self.probe(gateway, "/healthz")), (200, 200))
        idle, held, begun = [self.connect(gateway) for _ in range(3)]
        self.assertEqual(idle.get("/").status, 200)
        held.send(held.head("GET", "/held"))
        begun.send(begun.head("GET", "/begun"))
        self.assertEqual(begun.read_head().status, 200)
        self.assertEqual(take(begun, 4), b"half")
        upstream.wait_for(lambda upstream: {"/held", "/begun"} <= {request.target for request in upstream.requests})

        self.stopping(gateway)
        # An idle connection ends at once; that it has is the sign that nobody new is let in either.
        self.assertEqual(expect_end(idle), b"")
        self.assertEqual(self.probe(gateway, "/readyz"), 503)
        self.assertEqual(self.probe(gateway, "/healthz"), 200)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(gateway.address, 30)
        self.assertTrue(gateway.is_running())

        self.go.set()
        response = held.read_response()
        self.assertEqual((response.body, response.closes), (b"whole", True))
        self.assertEqual(take(begun, 4), b"half")
        self.assertEqual(expect_end(begun), b"")
        self.assertEqual(gateway.wait_exit(), 0)

    def test_an_upload_is_finished(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream)
        client = self.connect(gateway)
        client.send(client.head("POST", "/", [("Content-Length", "10")]) + b"hello")
        upstream.wait_for(lambda upstream: upstream.requests)
        self.stopping(gateway)
        client.send(b"world")
        self.assertEqual(client.read_response().body, b"POST / HTTP/1.1")
        self.assertEqual(upstream.requests[-1].body, b"helloworld")
        self.assertEqual(gateway.wait_exit(), 0)

    def test_what_takes_too_long_is_ended(self):
        for deadline in ["1s", "0s"]:
            with self.subTest(deadline=deadline):
                upstream = self.scripted(self.held)
                gateway = self.proxy(upstream, limits=f"shutdownDeadline: {deadline}")
                held, begun = self.connect(gateway), self.connect(gateway)
                held.send(held.head("GET", "/held"))
                begun.send(begun.head("GET", "/begun"))
                self.assertEqual(begun.read_head().status, 200)
                upstream.wait_for(lambda upstream: len(upstream.requests) == 2)
                self.stopping(gateway)
                self.check_cut(held)
                self.assertIn(expect_end(begun), (b"", b"half"))
                self.assertEqual(gateway.wait_exit(), 0)

    def test_an_interrupt_ends_it_too(self):
        gateway = self.proxy(self.scripted())
        gateway.process.send_signal(signal.SIGINT)
        self.assertEqual(gateway.wait_exit(), 0)

    def test_a_second_signal_ends_it_at_once(self):
        upstream = self.scripted(self.held)
        gateway = self.proxy(upstream)
        client = self.connect(gateway)
        client.send(client.head("GET", "/held"))
        upstream.wait_for(lambda upstream: upstream.requests)
        self.stopping(gateway)
        self.wait_refused(gateway)
        gateway.terminate()
        self.assertEqual(gateway.wait_exit(), -signal.SIGTERM)

    def wait_refused(self, gateway):
        """Waits until nobody is let in any more."""
        for _ in range(1_000):
            try:
                with socket.create_connection(gateway.address, 30) as sock:
                    # Accepted, or only in the queue of a listener that closes: either way it ends.
                    sock.recv(1)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                pass
        self.fail("it still accepts connections")

    def test_responses_on_their_way_arrive_whole(self):
        # Between what the kernel holds and what keeps the gateway from reading on, one of these sizes leaves its last
        # bytes in the gateway when it is told to stop.
        sizes = [(1_000 + 200 * step) * 1_000 for step in range(16)]

        def script(connection):
            while request := connection.read_request():
                connection.answer(bytes(int(request.target[1:])))

        upstream = self.scripted(script)
        gateway = self.proxy(upstream)
        clients = []
        for size in sizes:
            client = self.connect(gateway)
            client.socket = socket.socket()
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            client.socket.settimeout(30)
            client.socket.connect(gateway.address)
            client.send(client.head("GET", f"/{size}"))
            clients.append(client)
        # What can be passed on has been, when the first bytes of each are there: wait for them, but leave them.
        for client in clients:
            client.socket.recv(16_384, socket.MSG_PEEK)
        self.stopping(gateway)
        bodies = parallel(len(sizes), lambda index: len(clients[index].read_response().body))
        self.assertEqual(bodies, sizes)
        self.assertEqual(gateway.wait_exit(), 0)


class Resources(ProxyCase):
    def limited(self, soft_limit, upstream):
        """A gateway that was started with that soft limit of file descriptors, and a higher hard one."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft_limit, hard))
        try:
            return self.proxy(upstream)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_the_limit_of_descriptors_is_used_to_the_full(self):
        gateway = self.limited(200, self.scripted())
        clients = [self.connect(gateway, timeout=10) for _ in range(300)]
        for client in clients:
            self.assertEqual(client.get("/").status, 200)

    def test_a_log_that_nobody_reads_any_more_ends_nothing(self):
        upstream = self.scripted()
        with tempfile.TemporaryDirectory(prefix="tollgate-test-") as folder:
            path = os.path.join(folder, "tollgate.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'listeners: [{{ address: "127.0.0.1:0" }}]\nupstream: "http://{upstream.address}"\n')
            process = subprocess.Popen(
                [BINARY, "serve", "--config", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            line = next(line for line in process.stderr if '"listening"' in line)
            port = int(re.search(r"127\.0\.0\.1:(\d+)", line).group(1))
            process.stdout.close()
            process.stderr.close()
            with Client(("127.0.0.1", port)) as client:
                self.assertEqual(client.get("/").status, 200)
                # Each of these is reported, to nobody.
                with open(path, "w", encoding="utf-8") as file:
                    file.write("bad: [")
                for _ in range(5):
                    process.send_signal(signal.SIGHUP)
                    self.assertEqual(client.get("/").status, 200)
            process.terminate()
            self.assertEqual(process.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
