"""Where a node listens, and what it says where it cannot."""

import os
import socket
import subprocess
import tempfile
import threading
import unittest

from client import Client
from harness import BINARY, parallel
from proxy_case import ProxyCase


def run(*arguments):
    """Runs the program to its end."""
    return subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


class Listens(ProxyCase):
    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="tollgate-test-")
        self.addCleanup(folder.cleanup)
        return folder.name

    def serve(self, listeners, upstream, more=""):
        """Runs a gateway that is expected not to start; its result."""
        path = os.path.join(self.folder(), "tollgate.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'listeners: {listeners}\nupstream: "http://{upstream.address}"\n{more}\n')
        return run("serve", "--config", path)

    def test_a_port_that_is_taken_is_a_clear_error(self):
        upstream = self.scripted()
        gateway = self.proxy(upstream)
        address = "127.0.0.1:%d" % gateway.address[1]
        result = self.serve(f'[{{ address: "{address}" }}]', upstream)
        self.assertEqual(result.returncode, 1)
        self.assertIn(address, result.stderr)
        self.assertRegex(result.stderr, "(?i)listen")
        self.assertNotIn("NIO", result.stderr)
        # Whoever was there first is not disturbed.
        self.assertEqual(self.connect(gateway).get("/").status, 200)

        result = self.serve('[{ address: "127.0.0.1:0" }]', upstream, f'probes: {{ address: "{address}" }}')
        self.assertEqual(result.returncode, 1)
        self.assertIn(address, result.stderr)
        self.assertNotIn("NIO", result.stderr)

    def test_an_address_of_another_host_is_a_clear_error(self):
        result = self.serve('[{ address: "192.0.2.1:8080" }]', self.scripted())
        self.assertEqual(result.returncode, 1)
        self.assertIn("192.0.2.1:8080", result.stderr)

    def test_several_listeners_with_sources_of_their_own(self):
        upstream = self.scripted()
        gateway = self.start_gateway(f"""
            listeners:
              - {{ address: "127.0.0.1:0", client: peer }}
              - {{ address: "127.0.0.1:0" }}
            upstreams: {{ app: {{ servers: ["{upstream.address}"] }} }}
            routes: [{{ name: all, match: {{ path: "/*" }}, upstream: app, allow: true }}]
        """)
        for address, seen in zip(gateway.addresses, ["127.0.0.1", "192.0.2.7, 127.0.0.1"]):
            with Client(address) as client:
                self.assertEqual(client.get("/", [("X-Forwarded-For", "192.0.2.7")]).status, 200)
                self.assertEqual(upstream.requests[-1].one("x-forwarded-for"), seen)

    def unix_gateway(self, path, upstream):
        return self.start_gateway(f"""
            listeners: [{{ address: "unix:{path}" }}]
            upstreams: {{ app: {{ servers: ["{upstream.address}"] }} }}
            routes: [{{ name: all, match: {{ path: "/*" }}, upstream: app, allow: true }}]
        """)

    def test_a_unix_socket(self):
        upstream = self.scripted()
        path = os.path.join(self.folder(), "socket")
        gateway = self.unix_gateway(path, upstream)
        # Its peers count as loopback, and speak for their clients.
        with Client("unix:" + path) as client:
            for _ in range(3):
                self.assertEqual(client.get("/", [("X-Forwarded-For", "192.0.2.7")]).status, 200)
        self.assertEqual(upstream.requests[-1].one("x-forwarded-for"), "192.0.2.7, 127.0.0.1")
        parallel(20, lambda _: self.ask(path), workers=4)

        # A second one does not take it over.
        result = self.serve(f'[{{ address: "unix:{path}" }}]', upstream)
        self.assertEqual(result.returncode, 1)
        self.assertIn(path, result.stderr)
        self.ask(path)

        # What a process has left that was killed is no obstacle, nor is what one has left that ended well.
        gateway.process.kill()
        gateway.wait_exit()
        gateway = self.unix_gateway(path, upstream)
        self.ask(path)
        gateway.terminate()
        self.assertEqual(gateway.wait_exit(), 0)
        self.unix_gateway(path, upstream)
        self.ask(path)

    def test_a_start_that_fails_leaves_no_socket_behind(self):
        upstream = self.scripted()
        taken = "%s:%d" % self.proxy(upstream).address
        folder = self.folder()
        path = os.path.join(folder, "socket")
        with open(os.open(os.path.join(folder, "token"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write("0123456789abcdef")
        for servers in (
            f'probes: {{ address: "{taken}" }}',
            f'probes: {{ address: "unix:{folder}/probes" }}\nadmin: {{ address: "{taken}", token: "{folder}/token" }}',
        ):
            with self.subTest(servers=servers):
                result = self.serve(f'[{{ address: "unix:{path}" }}]', upstream, servers)
                self.assertEqual(result.returncode, 1)
                self.assertIn(taken, result.stderr)
                self.assertEqual(os.listdir(folder), ["token"])

    def ask(self, path):
        with Client("unix:" + path) as client:
            self.assertEqual(client.get("/").status, 200)

    def test_what_another_program_has_is_left_alone(self):
        upstream = self.scripted()
        folder = self.folder()
        path = os.path.join(folder, "socket")
        # One that listens and does not answer, so that nobody more can connect.
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            other.listen(0)
            waiting = []
            try:
                while True:
                    client = socket.socket(socket.AF_UNIX)
                    self.addCleanup(client.close)
                    client.setblocking(False)
                    client.connect(path)
                    waiting.append(client)
                    self.assertLess(len(waiting), 10)
            except BlockingIOError:
                pass
            result = self.serve(f'[{{ address: "unix:{path}" }}]', upstream)
            self.assertEqual(result.returncode, 1)
            self.assertIn("another program", result.stderr)
            self.assertTrue(os.path.exists(path))
        # One that has taken the place of ours.
        os.unlink(path)
        gateway = self.start_gateway(f"""
            listeners: [{{ address: "unix:{path}" }}]
            probes: {{ address: "unix:{path}-probes" }}
            upstreams: {{ app: {{ servers: ["{upstream.address}"] }} }}
            routes: [{{ name: all, match: {{ path: "/*" }}, upstream: app, allow: true }}]
        """)
        for name in (path, path + "-probes"):
            # Kept, so that the new file gets another inode.
            os.rename(name, name + "-kept")
            other = socket.socket(socket.AF_UNIX)
            self.addCleanup(other.close)
            other.bind(name)
        gateway.terminate()
        self.assertEqual(gateway.wait_exit(), 0)
        for name in (path, path + "-probes"):
            self.assertTrue(os.path.exists(name))

    def test_a_file_in_the_place_of_a_socket_is_left_alone(self):
        path = os.path.join(self.folder(), "precious")
        with open(path, "w", encoding="utf-8") as file:
            file.write("precious")
        result = self.serve(f'[{{ address: "unix:{path}" }}]', self.scripted())
        self.assertEqual(result.returncode, 1)
        self.assertIn(path, result.stderr)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")

    def test_an_upstream_behind_a_unix_socket(self):
        path = os.path.join(self.folder(), "upstream")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()

        def serve():
            sock, _ = listener.accept()
            with sock:
                while b"\r\n\r\n" not in (data := sock.recv(65_536)) and data:
                    pass
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix")

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        gateway = self.proxy([f"unix:{path}"])
        self.assertEqual(self.connect(gateway).get("/").body, b"unix")
        server.join(30)

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("no IPv6 here")
        upstream = self.scripted()
        gateway = self.start_gateway(f"""
            listeners: [{{ address: "[::1]:0" }}]
            upstreams: {{ app: {{ servers: ["{upstream.address}"] }} }}
            routes: [{{ name: all, match: {{ path: "/*" }}, upstream: app, allow: true }}]
        """)
        response = self.connect(gateway).get("/", [("Host", "[::1]:80"), ("X-Forwarded-For", "2001:db8::7")])
        self.assertEqual(response.status, 200)
        self.assertEqual(upstream.requests[-1].one("x-forwarded-for"), "2001:db8::7, ::1")
        self.assertEqual(upstream.requests[-1].one("host"), "[::1]:80")

    def test_all_defaults_behind_one_argument(self):
        # Port 8080 may be taken on this machine: then the error says so, and how.
        upstream = self.scripted()
        process = subprocess.Popen(
            [BINARY, "serve", "--upstream", f"http://{upstream.address}"], stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        line = next(line for line in process.stderr if "listening" in line or "error" in line)
        if "0.0.0.0:8080" in line and "error" in line:
            self.assertEqual(process.wait(30), 1)
            return
        self.assertIn("listening", line)
        with Client(("127.0.0.1", 8080)) as client:
            self.assertEqual(client.get("/").status, 200)
        process.terminate()
        self.assertEqual(process.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
