"""`tollgate explain REQUEST-ID`: where it asks, and what it says where it cannot. What it says of a refusal is in
test_refusal_records.py."""

import os
import re
import signal
import subprocess
import threading
import unittest

from harness import BINARY
from operator_case import CLEAN, OperatorCase, run
from scripted_upstream import ScriptedUpstream

POLICIES = "{ p: { free: { rate: 0 }, work: { difficulty: 64, rounds: 4 } } }"
TOKEN = "0123456789abcdef-secret"


class ExplainCase(OperatorCase):
    def refused(self, **options):
        client = self.serve(POLICIES, **options)
        return client.get("/").header("x-request-id")

    def tells(self, result, identity):
        self.assertEqual(result.returncode, 0, result)
        self.assertIn(f"Request {identity} was refused", result.stdout)

    def fails(self, result, *words):
        self.assertEqual((result.returncode, result.stdout), (1, ""), result)
        self.assertRegex(result.stderr, r"\Aerror: ")
        for word in words:
            self.assertIn(word, result.stderr)


class AddressTests(ExplainCase):
    def test_the_address_comes_from_the_command_line_the_environment_or_the_configuration(self):
        identity = self.refused()
        admin, config = self.gateway.admin, self.gateway.config_path
        nowhere = "unix:/nowhere/admin.sock"
        self.tells(run("explain", "--admin", admin, identity), identity)
        self.tells(run("explain", identity, environment={"TOLLGATE_ADMIN": admin}), identity)
        self.tells(run("explain", "--config", config, identity), identity)
        # In this order.
        self.tells(run("explain", "--admin", admin, identity, environment={"TOLLGATE_ADMIN": nowhere}), identity)
        self.tells(run("explain", "--config", config, identity, environment={"TOLLGATE_ADMIN": ""}), identity)
        self.fails(run("explain", "--config", config, identity, environment={"TOLLGATE_ADMIN": nowhere}), nowhere)
        self.fails(run("explain", "--config", config, "--admin", nowhere, identity), nowhere)

    def test_the_standard_socket(self):
        if os.path.exists("/etc/tollgate/tollgate.yaml") or os.path.exists("/run/tollgate/admin.sock"):
            self.skipTest("a Tollgate is installed here")
        self.fails(run("explain", "abc"), "unix:/run/tollgate/admin.sock", "there is no socket", "--admin", "TOLLGATE_ADMIN")

    def test_over_tcp_with_a_token(self):
        path = os.path.join(self.folder(), "token")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(TOKEN)
        identity = self.refused(admin=f'{{ address: "127.0.0.1:0", token: "{path}" }}')
        address = "%s:%d" % self.gateway.admin
        self.tells(run("explain", "--admin", address, identity, environment={"TOLLGATE_ADMIN_TOKEN": TOKEN}), identity)
        self.fails(run("explain", "--admin", address, identity), "it needs a token", "TOLLGATE_ADMIN_TOKEN")
        wrong = {"TOLLGATE_ADMIN_TOKEN": "0123456789abcdef-guessed"}
        result = run("explain", "--admin", address, identity, environment=wrong)
        self.fails(result, "the token is wrong")
        self.assertNotIn("guessed", result.stderr)
        # The configuration names the address and the token's file.
        port = self.gateway.admin[1]
        with open(self.gateway.config_path, encoding="utf-8") as file:
            text = file.read().replace('admin: { address: "127.0.0.1:0"', f'admin: {{ address: "127.0.0.1:{port}"')
        config = os.path.join(self.folder(), "tollgate.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        self.tells(run("explain", "--config", config, identity), identity)
        self.tells(run("explain", "--config", config, "--admin", address, identity), identity)

    def test_the_token_of_the_configuration_goes_to_its_address_only(self):
        seen = []

        def record(connection):
            seen.append(connection.read_request())
            connection.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        path = os.path.join(self.folder(), "token")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(TOKEN)
        self.refused(admin=f'{{ address: "127.0.0.1:0", token: "{path}" }}')
        other = ScriptedUpstream(record)
        self.addCleanup(other.stop)
        self.fails(run("explain", "--config", self.gateway.config_path, "--admin", other.address, "abc"), "knows no refusal")
        self.assertEqual(len(seen), 1)
        self.assertEqual(seen[0].all("authorization"), [])
        self.assertEqual(seen[0].target, "/v1/refusals/abc")


class FailureTests(ExplainCase):
    def test_no_such_id(self):
        self.refused()
        self.fails(
            run("explain", "--admin", self.gateway.admin, "0123"),
            "knows no refusal of request 0123",
            "the last 10000 of this node",
        )

    def test_no_such_socket(self):
        self.fails(run("explain", "--admin", "unix:/nowhere/x.sock", "a"), "there is no socket at unix:/nowhere/x.sock")

    def test_nobody_listens(self):
        identity = self.refused()
        self.gateway.process.kill()
        self.gateway.wait_exit()
        self.gateway.expected_to_run = False
        self.fails(run("explain", "--admin", self.gateway.admin, identity), "cannot ask", "refused", "is the node running")
        self.fails(run("explain", "--admin", "127.0.0.1:9", identity), "cannot ask", "127.0.0.1:9")

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_not_permitted(self):
        identity = self.refused()
        os.chmod(os.path.dirname(self.gateway.admin.removeprefix("unix:")), 0o755)
        result = subprocess.run(
            [BINARY, "explain", "--admin", self.gateway.admin, identity],
            user=65534,
            group=65534,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            env=CLEAN,
            cwd="/",
        )
        self.fails(result, "not permitted", "root")

    def test_what_is_no_admin_interface(self):
        for answer in [
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
            b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\nConnection: close\r\n\r\n" + b"x" * 100_000,
            b"SSH-2.0-x\r\n",
        ]:
            with self.subTest(answer=answer[:40]):

                def reply(connection, answer=answer):
                    connection.read_request()
                    connection.send(answer)

                server = ScriptedUpstream(reply)
                self.addCleanup(server.stop)
                self.fails(run("explain", "--admin", server.address, "abc"))

    def test_what_a_hostile_one_says_does_not_reach_the_terminal(self):
        document = (
            b'{"request_id": "abc", "time": "\\u001b[2J", "seconds_ago": 1, "listener": "\\u202e", "enforced": true, '
            b'"verdict": "x", "title": "t", "detail": "\\u001b]0;owned\\u0007\\nforged: line"}'
        )

        def reply(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(document) + document)

        server = ScriptedUpstream(reply)
        self.addCleanup(server.stop)
        result = run("explain", "--admin", server.address, "abc")
        self.assertEqual(result.returncode, 0, result)
        self.assertRegex(result.stdout, r"\A[\x20-\x7e\n]*\Z")
        self.assertNotRegex(result.stdout, "(?m)^forged")

    def test_a_wrong_command_line(self):
        for arguments in [
            ["explain"],
            ["explain", "/path"],
            ["explain", "http://x/y"],
            ["explain", "a b"],
            ["explain", "x" * 129],
            ["explain", "a", "b", "c"],
        ]:
            with self.subTest(arguments=arguments):
                self.assertEqual(run(*arguments).returncode, 64)
        for address in ["nowhere", "unix:relative", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:1", "unix:/" + "x" * 200]:
            with self.subTest(address=address):
                self.fails(run("explain", "--admin", address, "abc"), "--admin is not an address")
        token = {"TOLLGATE_ADMIN_TOKEN": "with space"}
        self.fails(run("explain", "--admin", "127.0.0.1:1", "abc", environment=token), "TOLLGATE_ADMIN_TOKEN")


class DemoTests(OperatorCase):
    def test_the_demo_says_how_to_explain_a_refusal_and_leaves_nothing(self):
        temporary = self.folder()
        process = subprocess.Popen(
            [BINARY, "demo", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**CLEAN, "TMPDIR": temporary},
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        timer = threading.Timer(60, process.kill)
        timer.start()
        self.addCleanup(timer.cancel)
        command = None
        for line in process.stdout:
            if match := re.match(r"\s+4\. (.* explain .*)", line):
                command = match.group(1)
            if "Stop with Ctrl-C" in line:
                break
        self.assertIsNotNone(command)
        (folder,) = os.listdir(temporary)
        self.assertEqual(os.stat(os.path.join(temporary, folder)).st_mode & 0o777, 0o700)
        self.assertEqual(sorted(os.listdir(os.path.join(temporary, folder))), ["demo", "demo.sock"])
        # As a newcomer would: the line as it was printed.
        result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, env=CLEAN)
        self.assertEqual(result.returncode, 0, result)
        self.assertIn("401 work-required", result.stdout)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(os.listdir(temporary), [])
        # No access log in the newcomer's terminal.
        self.assertEqual(process.stdout.read(), "")


if __name__ == "__main__":
    unittest.main()
