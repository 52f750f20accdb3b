"""The admin interface: who may ask, and that nobody who asks in a strange way takes anything from others."""

import os
import socket
import stat
import subprocess
import tempfile
import unittest

from client import Client, exchange
from harness import BINARY, parallel
from operator_case import OperatorCase

POLICIES = "{ p: { free: { rate: 0 }, work: { difficulty: 64, rounds: 4 } } }"
TOKEN = "0123456789abcdef-secret"
CONNECTIONS_MAX = 64


class AdminCase(OperatorCase):
    def serve_tcp(self, token=TOKEN):
        path = os.path.join(self.folder(), "token")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(token + "\n")
        return self.serve(POLICIES, admin=f'{{ address: "127.0.0.1:0", token: "{path}" }}')

    def problem(self, answer, status, kind):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.header("content-type"), "application/problem+json")
        self.assertEqual(answer.header("cache-control"), "no-store")
        document = answer.json()
        self.assertEqual((document["type"], document["status"]), ("urn:tollgate:" + kind, status))
        self.assertGreater(len(document["title"]), 5)
        self.assertGreater(len(document["detail"]), 5)


class AnswerTests(AdminCase):
    def test_what_it_answers(self):
        client = self.serve(POLICIES)
        identity = client.get("/").header("x-request-id")
        self.assertEqual(self.refusal(identity)["request_id"], identity)
        head = self.ask("/v1/refusals/" + identity, "HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.problem(self.ask("/v1/refusals/nobody"), 404, "no-such-refusal")
        for path in ("/", "/v1", "/v1/refusals", "/v1/refusals/", "/v1/refusals/a/b", "/v1/clusters", "/metrics"):
            self.problem(self.ask(path), 404, "no-route")
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = self.ask("/v1/refusals/" + identity, method)
            self.problem(answer, 405, "method-not-allowed")
            self.assertEqual(answer.header("allow"), "GET, HEAD")

    def test_several_requests_over_one_connection(self):
        client = self.serve(POLICIES)
        identity = client.get("/").header("x-request-id")
        with Client(self.gateway.admin) as admin:
            admin.send(admin.head("GET", "/v1/refusals/" + identity) * 20)
            for _ in range(20):
                self.assertEqual(admin.read_response("GET").json()["request_id"], identity)


class SocketTests(AdminCase):
    def test_it_is_its_owners_alone(self):
        self.serve(POLICIES)
        path = self.gateway.admin.removeprefix("unix:")
        mode = os.stat(path).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        if os.geteuid() == 0:
            # Nobody else gets in; the folder would let everybody.
            os.chmod(os.path.dirname(path), 0o755)
            program = f"import socket; socket.socket(socket.AF_UNIX).connect({path!r})"
            result = subprocess.run(
                ["python3", "-c", program], user=65534, group=65534, extra_groups=[], capture_output=True, text=True, cwd="/"
            )
            self.assertIn("PermissionError", result.stderr)

    def test_whatever_the_umask(self):
        path = self.socket_path()
        for umask in (0o000, 0o022, 0o077):
            with self.subTest(umask=oct(umask)):
                before = os.umask(umask)
                try:
                    self.serve(POLICIES, admin=f'{{ address: "unix:{path}" }}')
                finally:
                    os.umask(before)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
                # What a killed process leaves is replaced; what one leaves that ended well is gone.
                self.gateway.process.kill()
                self.gateway.wait_exit()
                self.assertTrue(os.path.exists(path))
        self.serve(POLICIES, admin=f'{{ address: "unix:{path}" }}')
        self.gateway.terminate()
        self.assertEqual(self.gateway.wait_exit(), 0)
        self.assertFalse(os.path.exists(path))

    def refuses(self, path, words):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(f'upstream: "http://127.0.0.1:9"\nlisteners: [{{ address: "127.0.0.1:0" }}]\nadmin: {{ address: "unix:{path}" }}\n')
            file.flush()
            result = subprocess.run(
                [BINARY, "serve", "--config", file.name], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
            )
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(path, result.stderr)
        self.assertRegex(result.stderr, words)

    def test_where_it_cannot_be(self):
        self.serve(POLICIES)
        self.refuses(self.gateway.admin.removeprefix("unix:"), "another program listens there")
        self.refuses(os.path.join(self.folder(), "none", "admin.sock"), "its folder does not exist")
        path = self.socket_path()
        with open(path, "w", encoding="utf-8") as file:
            file.write("precious")
        self.refuses(path, "not a socket")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")
        # Whoever was there first is not disturbed.
        self.assertEqual(self.ask("/v1/refusals/x").status, 404)


class TokenTests(AdminCase):
    def test_every_request_must_show_it(self):
        client = self.serve_tcp()
        path = "/v1/refusals/" + client.get("/").header("x-request-id")
        good = f"Bearer {TOKEN}"
        self.assertEqual(self.ask(path, headers=[("Authorization", good)]).status, 200)
        self.assertEqual(self.ask(path, headers=[("Authorization", good.replace("Bearer", "bearer"))]).status, 200)
        wrong = [
            [],
            [("Authorization", "Bearer " + TOKEN[:-1])],
            [("Authorization", "Bearer " + TOKEN[:-1] + "T")],
            [("Authorization", f"{good}x")],
            [("Authorization", f"Bearer  {TOKEN}")],
            [("Authorization", TOKEN)],
            [("Authorization", f"Basic {TOKEN}")],
            [("Authorization", good), ("Authorization", good)],
            [("Authorization", "Bearer " + "x" * 4_000)],
            [("Authorization", "Bearer \xff\xfe")],
            [("Proxy-Authorization", good)],
        ]
        for headers in wrong:
            for target in (path, "/nowhere"):
                with self.subTest(headers=str(headers)[:60], target=target):
                    answer = self.ask(target, headers=headers)
                    self.problem(answer, 401, "unauthorized")
                    self.assertEqual(answer.header("www-authenticate"), "Bearer")
                    self.assertNotIn(TOKEN, answer.body.decode())
        self.assertEqual(self.ask(path + "?token=" + TOKEN).status, 401)

    def test_it_is_never_logged(self):
        self.serve_tcp()
        self.ask("/v1/refusals/x", headers=[("Authorization", f"Bearer {TOKEN}")])
        self.gateway.reload()
        self.gateway.terminate()
        self.gateway.wait_exit()
        self.gateway.stop(keep_folder=True)
        for line in [*self.gateway.lines, *self.gateway.output]:
            self.assertNotIn(TOKEN, str(line))


class HostileTests(AdminCase):
    def open(self):
        """A connection of raw bytes to the admin socket."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        self.addCleanup(connection.close)
        connection.connect(self.gateway.admin.removeprefix("unix:"))
        return connection

    def closed(self, connection):
        """Whether the server ends the connection, without having said that all is well."""
        received = b""
        try:
            while piece := connection.recv(65_536):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        self.assertNotIn(b" 200 ", received.split(b"\r\n", 1)[0] + b" ")
        return received

    def alive(self):
        self.assertEqual(self.ask("/v1/refusals/x").status, 404)

    def test_what_is_no_request_or_too_large(self):
        self.serve(POLICIES)
        for sent in [
            b"GARBAGE\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 1_000 + b"\r\n",
            b"POST /v1/refusals/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 200_000,
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        ]:
            with self.subTest(sent=sent[:40]):
                connection = self.open()
                try:
                    connection.sendall(sent)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.closed(connection)
                self.alive()

    def test_who_is_slow_is_cut_off_and_holds_up_nobody(self):
        self.serve(POLICIES)
        silent, begun = self.open(), self.open()
        begun.sendall(b"GET /v1/refusals/x HTTP/1.1\r\nHost:")
        self.alive()
        self.assertEqual(self.closed(silent), b"")
        self.assertEqual(self.closed(begun), b"")

    def test_who_asks_and_does_not_read(self):
        self.serve(POLICIES)
        asking = self.open()
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        before = self.gateway.rss_bytes()
        try:
            for _ in range(2_000):
                asking.sendall(b"GET /v1/refusals/x HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        self.alive()
        self.assertLess(self.gateway.rss_bytes() - before, 32 * 1_024 * 1_024)

    def test_connections_are_bounded(self):
        self.serve(POLICIES)
        held = [self.open() for _ in range(CONNECTIONS_MAX)]
        for connection in held:
            connection.sendall(b"GET /v1/refusals/x HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertIn(b" 404 ", connection.recv(65_536))
        # One more takes the place of the one that has asked nothing for longest, and of no other.
        more = self.open()
        more.sendall(b"GET /v1/refusals/x HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(b" 404 ", more.recv(65_536))
        self.closed(held[0])
        held[1].sendall(b"GET /v1/refusals/x HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(b" 404 ", held[1].recv(65_536))
        parallel(4, lambda _: self.eventually_answered())
        # Clients of the gateway are not concerned.
        self.assertEqual(self.connect(self.gateway).get("/").status, 401)

    def eventually_answered(self):
        for _ in range(10_000):
            connection = self.open()
            try:
                connection.sendall(b"GET /v1/refusals/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                answer = connection.recv(65_536)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
            finally:
                connection.close()
            if answer:
                self.assertIn(b" 404 ", answer)
                return
        self.fail("nobody is served any more")

    def test_the_probes_are_as_bounded(self):
        self.serve(POLICIES)
        for sent in (b"GARBAGE\r\n\r\n", b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"):
            answers = exchange(self.gateway.probes, sent, half_close=False)
            self.assertEqual([answer.status for answer in answers], [400])
        with Client(self.gateway.probes) as client:
            for path, status in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/", 404), ("/v1/refusals/x", 404)]:
                self.assertEqual(client.get(path).status, status)
            self.assertEqual(client.request("POST", "/metrics").status, 405)
            head = client.request("HEAD", "/metrics")
            self.assertEqual((head.status, head.body), (200, b""))


if __name__ == "__main__":
    unittest.main()
