"""The other commands: what they print, and exit codes that a script can go by."""

import json
import os
import re
import socket
import subprocess
import tempfile
import unittest

import protocol
from harness import BINARY, TestCase

GOOD = """
listeners: [{ address: "127.0.0.1:0" }]
upstreams: { app: { servers: ["127.0.0.1:9"] } }
routes:
  - { name: robots, match: { path: "/robots.txt" }, upstream: app, allow: true }
  - { name: shut, match: { path: "/shut/*" }, deny: true }
  - { name: api, match: { path: "/api/*" }, upstream: app, policy: p }
policies:
  p: { free: { rate: 0 }, work: { difficulty: 64, rounds: 4, grants: 3 } }
"""


def run(*arguments, text=None):
    """Runs the program to its end."""
    return subprocess.run([BINARY, *arguments], input=text or "", capture_output=True, text=True, timeout=60)


class Commands(TestCase):
    def file(self, text):
        folder = tempfile.TemporaryDirectory(prefix="tollgate-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "tollgate.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def check(self, result, code, out="(?s).*", err="(?s).*"):
        self.assertEqual(result.returncode, code, result)
        self.assertRegex(result.stdout, out)
        self.assertRegex(result.stderr, err)
        return result

    def test_version_and_help(self):
        version = self.check(run("version"), 0, r"\Atollgate \d+\.\d+\.\d+.*\n\Z", r"\A\Z")
        self.assertEqual(run("--version").stdout, version.stdout)
        self.check(run("--help"), 0, "serve", r"\A\Z")
        for command in ["serve", "validate", "explain", "demo", "solve", "fetch", "version"]:
            self.check(run(command, "--help"), 0, "USAGE: tollgate " + command, r"\A\Z")

    def test_a_wrong_command_line_is_64(self):
        path = self.file(GOOD)
        wrong = [
            ["nonsense"],
            ["serve", "--nonsense"],
            ["serve", "--config"],
            ["serve", "--config", path, "--upstream", "http://127.0.0.1:1"],
            ["validate", "more"],
            ["explain", "--config", path],
            ["explain", "--config", path, "--client", "nobody", "GET", "/"],
            ["explain", "--config", path, "--header", "no colon", "GET", "/"],
            ["demo", "--nodes", "8"],
            ["demo", "--port", "99999"],
            ["solve", "--threads", "0"],
            ["fetch"],
            ["fetch", "ftp://127.0.0.1/"],
            ["fetch", "--header", "Bad\r\nName: x", "http://127.0.0.1:1/"],
            ["fetch", "--method", "G T", "http://127.0.0.1:1/"],
        ]
        for arguments in wrong:
            with self.subTest(arguments=arguments):
                self.check(run(*arguments), 64, r"\A\Z", ".+")

    def test_validate(self):
        path = self.file(GOOD)
        self.check(run("validate", "--config", path), 0, r"(?s)3 routes, 1 polic.*policy p", "warning: .*64 hashes")
        missing = os.path.join(os.path.dirname(path), "missing.yaml")
        self.check(run("validate", "--config", missing), 1, r"\A\Z", "error: .*missing.yaml")
        bad = GOOD.replace("rounds: 4", "rounds: 400").replace("deny: true", "denied: true").replace('"127.0.0.1:9"', '"x:y"')
        path = self.file(bad)
        result = self.check(run("validate", "--config", path), 1, r"\A\Z")
        # Every one at once, each with its place and what to do.
        lines = bad.split("\n")
        for word in ["rounds: 400", "denied", "x:y"]:
            number = next(number for number, line in enumerate(lines, 1) if word in line)
            self.assertRegex(result.stderr, rf"error: {re.escape(path)}:{number}:\d+: .+")
        self.assertEqual(run("serve", "--config", path).stderr, result.stderr)

    def test_validate_says_where_it_listens_and_what_it_writes_down(self):
        said = self.check(run("validate", "--config", self.file(GOOD)), 0).stdout
        self.assertRegex(said, r"(?m)^listener 127\.0\.0\.1:0: proxies, clients by X-Forwarded-For from loopback$")
        self.assertRegex(said, r"(?m)^probes: none$")
        self.assertRegex(said, r"(?m)^admin: none")
        self.assertRegex(said, r"(?m)^log: info and above on stderr, as json; access on stdout, clients by their /24 or /48$")
        more = """
probes: { address: "127.0.0.1:9464" }
admin: { address: "unix:/run/x/admin.sock" }
log: { access: off, format: text }
"""
        text = GOOD.replace('"127.0.0.1:0" }]', '"127.0.0.1:0" }, { address: "unix:/x", check: nginx }]')
        text = text.replace("difficulty: 64", "difficulty: 16000000")
        said = self.check(run("validate", "--config", self.file(text + more)), 0).stdout
        self.assertRegex(said, r"(?m)^listener unix:/x: answers the checks of nginx, clients by x-real-ip from loopback$")
        self.assertRegex(said, r"(?m)^probes: 127\.0\.0\.1:9464: .*/metrics$")
        self.assertRegex(said, r"(?m)^admin: unix:/run/x/admin\.sock, for the node's own user and root$")
        self.assertRegex(said, r"(?m)^log: .* as text; no access log$")
        # What a difficulty means.
        self.assertRegex(said, r"16000000 hashes in 4 rounds: on a laptop about [\d.]+ s .* on a slow phone about [\d.]+ s")

    def test_explain(self):
        path = self.file(GOOD)

        def explain(*arguments):
            return run("explain", "--config", path, *arguments)

        self.check(explain("GET", "http://x/api/1?a=b"), 0, r"(?s)\bapi\b.*\bp\b")
        self.check(explain("GET", "/robots.txt"), 0, "robots")
        self.check(explain("GET", "/elsewhere"), 1, "(?i)no route|404")
        self.check(explain("--client", "2001:db8::1", "POST", "/api/x%2e%2e"), 0, "api")
        self.check(explain("GET", "/api/../../x"), 1, "400|root")
        self.assertNotEqual(explain("GET", "/shut/x").stdout, "")

    def test_solve(self):
        gateway = self.start_gateway(GOOD)
        client = self.connect(gateway)
        challenge = client.get(protocol.CHALLENGE + "?policy=p").body.decode()
        refusal = client.get("/api/x").body.decode()
        for text in (challenge, refusal):
            result = self.check(run("solve", text=text), 0)
            solved = json.loads(result.stdout)
            document = json.loads(text)
            document = document["challenge"] if isinstance(document["challenge"], dict) else document
            self.assertEqual(solved["challenge"], document["challenge"])
            self.assertIsNone(protocol.verify(document, solved["solution"]))
            response = client.post_json(protocol.REDEEM, solved)
            self.assertEqual((response.status, response.json()["grants"]), (200, 3))
        from_file = self.file(client.get(protocol.CHALLENGE + "?policy=p").body.decode())
        self.check(run("solve", from_file), 0, '"solution"')

    def test_what_is_no_challenge_cannot_be_solved(self):
        good = {
            "challenge": "a" * 40, "algorithm": "SHA-256", "rounds": 1, "target": "ffffffffffffffff",
            "expires_in": 300, "grants": 1, "redeem": "/x",
        }  # fmt: skip
        self.check(run("solve", text=json.dumps(good)), 0)
        bad = ["", "{}", "null", "[" * 10_000, "x" * 100_000, json.dumps(good)[:-1]]
        bad += [
            json.dumps({**good, **change})
            for change in [
                {"algorithm": "MD5"}, {"rounds": 0}, {"rounds": 65}, {"rounds": -1}, {"rounds": "1"}, {"rounds": 1e30},
                {"target": "x"}, {"target": "ff"}, {"target": 1}, {"challenge": ""}, {"challenge": 7},
            ]  # fmt: skip
        ]
        for text in bad:
            with self.subTest(text=text[:200]):
                self.check(run("solve", text=text), 1, r"\A\Z", r"\Aerror: ")
        self.check(run("solve", "/nonexistent"), 1, r"\A\Z", r"\Aerror: ")

    def test_fetch(self):
        upstream = self.start_upstream()
        gateway = self.start_gateway(GOOD.replace("127.0.0.1:9", upstream.authority))
        result = self.check(run("fetch", gateway.url + "/api/hello?a=b"), 0)
        self.assertEqual(json.loads(result.stdout)["target"], "/api/hello?a=b")
        result = self.check(run("fetch", "--show-pass", "-H", "X-A: b", "-d", "body", gateway.url + "/api/post"), 0)
        seen = json.loads(result.stdout)
        self.assertEqual((seen["method"], seen["body"]), ("POST", "body"))
        self.assertIn(["X-A", "b"], seen["headers"])
        bought = re.search(r"PoW-Pass: (\S+)", result.stderr).group(1)
        with self.connect(gateway) as client:
            self.assertEqual(client.get("/api/again", [("PoW-Pass", bought)]).status, 200)
        self.check(run("fetch", "--include", gateway.url + "/robots.txt"), 0, r"\AHTTP/1.1 200 ")

        self.check(run("fetch", gateway.url + "/shut/x"), 22, "urn:tollgate:denied")
        self.check(run("fetch", gateway.url + "/elsewhere"), 22, "urn:tollgate:no-route")
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            self.check(run("fetch", "http://127.0.0.1:%d/" % nobody.getsockname()[1]), 1, r"\A\Z", r"\Aerror: ")


if __name__ == "__main__":
    unittest.main()
