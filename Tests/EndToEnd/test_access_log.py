"""The access log: a line for each request, whatever became of it. Who reads it is in test_access_log_readers.py."""

import json
import threading
import unittest

import protocol
from client import Client, exchange
from harness import TestCase

BROWSER = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")]


class AccessCase(TestCase):
    def serve(self, log="", more="", handler=None):
        self.upstream = self.start_upstream(handler)
        self.gateway = self.start_gateway(
            f"""
            upstreams: {{ app: {{ servers: ["{self.upstream.authority}"] }} }}
            routes:
              - {{ name: open, match: {{ path: "/open/*" }}, upstream: app, allow: true }}
              - {{ name: shut, match: {{ path: "/shut/*" }}, deny: true }}
              - {{ name: api, match: {{ path: "/api/*" }}, upstream: app, policy: p }}
              - {{ name: soft, match: {{ path: "/soft/*" }}, upstream: app, policy: soft }}
            policies:
              p:
                free: [{{ rate: 1/day, burst: 3 }}, {{ key: "client/24,/48", rate: 1/day, burst: 2 }}]
                ceiling: {{ rate: 1/day, burst: 6 }}
                work: {{ difficulty: 64, rounds: 4, grants: 3 }}
              soft: {{ free: {{ rate: 1/day, burst: 1 }}, enforce: false, work: {{ difficulty: 64, rounds: 4 }} }}
            {log}
            {more}
            """
        )
        return self.connect(self.gateway)

    def line(self, response):
        return self.gateway.accessed(response.header("x-request-id"))

    def check(self, response, **expected):
        """That the request's line says this; None: that it says nothing of it."""
        line = self.line(response)
        self.assertEqual(line["status"], response.status)
        self.assertEqual({name: line.get(name) for name in expected}, expected, line)
        return line


class LineTests(AccessCase):
    def test_what_became_of_a_request(self):
        client = self.serve()
        answer = client.get("/api/a?secret=1", [("Host", "Example.com:81")])
        line = self.check(
            answer,
            message="request",
            purpose="proxy",
            client="127.0.0.0/24",
            method="GET",
            host="example.com",
            path="/api/a",
            listener="127.0.0.1:0",
            route="api",
            policy="p",
            verdict="admitted-free",
            limit="free-2",
            burst=2,
            remaining=1,
            price=None,
            upstream_status=200,
            bytes_in=0,
            bytes_out=len(answer.body),
            end="complete",
        )
        self.assertRegex(line["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
        self.assertGreater(line["duration_ms"], 0)
        self.check(client.request("POST", "/api/b", body=b"12345"), verdict="admitted-free", bytes_in=5, remaining=0)
        refused = client.get("/api/c")
        self.check(
            refused,
            verdict="work-required",
            route="api",
            limit="free-2",
            remaining=0,
            price=1,
            upstream_status=None,
            bytes_out=len(refused.body),
        )
        challenge = refused.json()["challenge"]
        redeemed = protocol.redeem(client, challenge, protocol.solve(challenge))
        self.check(redeemed, verdict="redeemed", policy="p", route=None, path=protocol.REDEEM)
        paid = [("PoW-Pass", redeemed.json()["pass"])]
        self.check(client.get("/api/d", paid), verdict="admitted-pass", limit="pass", burst=3, remaining=2)
        self.check(protocol.redeem(client, challenge, protocol.solve(challenge)), verdict="already-spent", status=409)
        self.check(client.get(protocol.CHALLENGE + "?policy=p"), verdict="challenge", policy="p", price=1)
        self.check(client.get(protocol.CHALLENGE + "?policy=x"), verdict="unknown-policy", policy=None)
        self.check(client.get("/open/x"), verdict="allowed", route="open", policy=None, limit=None)
        self.check(client.get("/shut/x"), verdict="denied", route="shut", policy=None)
        self.check(client.get("/nowhere"), verdict="no-route", route=None)
        self.check(client.request("TRACE", "/open/x"), verdict="method-not-allowed")
        self.check(client.request("HEAD", "/shut/x"), verdict="denied", method="HEAD", bytes_out=0)
        self.check(client.get("/shut/x", BROWSER), verdict="denied")

    def test_the_ceiling(self):
        client = self.serve()
        for _ in range(2):
            client.get("/api/a")
        refused = client.get("/api/a").json()["challenge"]
        passes = []
        for _ in range(2):
            passes.append(protocol.redeem(client, refused, protocol.solve(refused)).json()["pass"])
            refused = client.get("/api/a").json()["challenge"]
        for number in range(4):
            answer = client.get("/api/b", [("PoW-Pass", passes[number // 3])])
            self.assertEqual(answer.status, 200)
        over = client.get("/api/b", [("PoW-Pass", passes[1])])
        self.check(over, verdict="over-limit", status=429, limit="ceiling", burst=6, remaining=0, price=None)

    def test_what_would_be_refused(self):
        client = self.serve()
        self.check(client.get("/soft/a"), verdict="admitted-free", reason=None, limit="free", remaining=0)
        self.check(client.get("/soft/b"), verdict="would-refuse", reason="work-required", limit="free", status=200)

    def test_what_a_check_listener_is_asked(self):
        gateway = self.start_gateway(
            """
            listeners: [{ address: "127.0.0.1:0", check: nginx }]
            routes: [{ name: api, match: { path: "/v1/*" }, policy: api }]
            policies: { api: { free: { rate: 1/day, burst: 1 }, work: { difficulty: 64, rounds: 4 } } }
            """
        )
        client = self.connect(gateway)
        asked = [
            ("X-Original-Method", "PUT"),
            ("X-Original-URI", "/v1/x?secret=1"),
            ("X-Real-IP", "198.51.100.7"),
            ("Host", "example.com"),
        ]

        def line(path, status, *more):
            answer = client.get(protocol.BASE + path, [*asked, *more])
            self.assertEqual(answer.status, status)
            line = gateway.accessed(answer.header("x-request-id"))
            self.assertEqual((line["method"], line["path"], line["client"]), ("PUT", "/v1/x", "198.51.100.0/24"))
            return [line.get(name) for name in ("purpose", "verdict", "reason", "route", "status", "limit")]

        self.assertEqual(line("check", 200), ["check", "admitted-free", None, "api", 200, "free"])
        self.assertEqual(line("check", 401), ["check", "work-required", None, "api", 401, "free"])
        shown = ["refusal", "refusal-shown", "work-required", "api", 429, "free"]
        self.assertEqual(line("refusal", 429), shown)

    def test_what_is_no_request(self):
        self.serve(more="limits: { headerTimeout: 1s }")
        for sent, verdict in [
            (b"GARBAGE\r\n\r\n", "malformed"),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "malformed"),
            (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"),
            (b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "too-large"),
            (b"GET / HTTP/1.1\r\nHo", "timeout"),
        ]:
            with self.subTest(sent=sent[:30]):
                answer = exchange(self.gateway.address, sent, half_close=False)[0]
                self.check(answer, verdict=verdict, client="127.0.0.0/24", path=None)

    def test_how_it_ended(self):
        begun = threading.Event()
        go = threading.Event()
        self.addCleanup(go.set)

        async def cut(request, connection):
            await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
            connection.close()

        async def hang(request, connection):
            await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
            begun.set()

        client = self.serve()
        self.upstream.on("/open/cut", cut)
        self.upstream.on("/open/hang", hang)
        client.send(client.head("GET", "/open/cut"))
        while client.socket.recv(65_536):
            pass
        with self.connect(self.gateway) as gone:
            gone.send(gone.head("GET", "/open/hang"))
            self.assertTrue(begun.wait(30))
            head = gone.socket.recv(65_536)
            self.assertIn(b"200", head)
        ends = {}
        for path in ("/open/cut", "/open/hang"):
            request = next(each for each in self.upstream.requests if each.target == path)
            line = self.gateway.accessed(request.header("x-request-id"))
            ends[path] = (line["verdict"], line["status"], line["upstream_status"], line["end"])
            self.assertLessEqual(line["bytes_out"], 5)
        self.assertEqual(
            ends,
            {"/open/cut": ("allowed", 200, 200, "cut-off"), "/open/hang": ("allowed", 200, 200, "client-gone")},
        )
        unreachable = self.start_gateway('upstream: "http://127.0.0.1:9"')
        answer = self.connect(unreachable).get("/")
        line = unreachable.accessed(answer.header("x-request-id"))
        self.assertEqual((line["verdict"], line["status"], line["route"]), ("upstream-failed", 502, "all"))

    def test_one_line_for_each_of_many(self):
        client = self.serve()
        sent = client.head("GET", "/shut/x") * 300
        client.send(sent)
        ids = [client.read_response("GET").header("x-request-id") for _ in range(300)]
        self.gateway.accessed(ids[-1])
        logged = [json.loads(line)["request_id"] for line in list(self.gateway.output)]
        self.assertEqual(logged, ids)


class HostileTests(AccessCase):
    # What is not refused as malformed, whose target is not told at all.
    PATHS = [
        b'/shut/"},{"forged":"1',
        b"/shut/a=b%20c",
        b"/shut/%E2%80%AE%E2%80%A8%C2%85",
        b"/shut/" + b"'" * 3_000,
        b"/shut/" + b'"' * 3_000,
    ]
    MALFORMED = [b"/shut/%0A%0D%22", "/shut/\u202e\u2028\u0085日本".encode(), b"/shut/\x1b[2J", b"/shut/\xff"]

    def send(self):
        for paths, status in ((self.PATHS, 403), (self.MALFORMED, 400)):
            for path in paths:
                with self.subTest(path=path[:30]), Client(self.gateway.address) as client:
                    client.send(b"GET " + path + b"?secret=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: a:b=c\r\n\r\n")
                    self.assertEqual(client.read_response("GET").status, status)
        self.gateway.terminate()
        self.gateway.wait_exit()
        self.gateway.stop(keep_folder=True)
        lines = list(self.gateway.output)
        self.assertEqual(len(lines), len(self.PATHS) + len(self.MALFORMED))
        for line in lines:
            self.assertRegex(line, r"\A[\x20-\x7e]*\Z")
            self.assertLess(len(line), 4_096)
            self.assertNotIn("secret", line)
        return lines

    def test_nothing_that_a_client_sends_is_anything_but_a_value(self):
        self.serve("log: { addresses: full }")
        lines = [json.loads(line) for line in self.send()]
        denied = [line for line in lines if line["verdict"] == "denied"]
        # Loops write for themselves: the order of lines of several connections is anyone's.
        paths = sorted(path.decode() for path in self.PATHS)
        for line, path in zip(sorted(denied, key=lambda line: line["path"]), paths, strict=True):
            self.assertEqual((line["client"], line["request_id"]), ("127.0.0.1", "a:b=c"))
            self.assertTrue(path.startswith(line["path"].rstrip("…")), line)
            self.assertNotIn("forged", line)
        malformed = [line for line in lines if line["verdict"] == "malformed"]
        self.assertEqual(len(malformed), len(self.MALFORMED))
        for line in malformed:
            self.assertNotIn("path", line)

    def test_the_same_as_text(self):
        self.serve("log: { format: text, addresses: none }")
        pair = r'[a-z_]+=(?:[^ "=\\]+|"(?:[^"\\]|\\.)*")'
        for line in self.send():
            self.assertRegex(line, rf"\A{pair}(?: {pair})*\Z")
            self.assertRegex(line, " verdict=(denied|malformed) ")
            self.assertNotIn("client=", line)


class AddressTests(AccessCase):
    def seen(self, addresses, *clients):
        client = self.serve(f"log: {{ addresses: {addresses} }}")
        return [self.line(client.get("/shut/x", [("X-Forwarded-For", each)])).get("client") for each in clients]

    def test_how_much_of_an_address_is_told(self):
        clients = ["198.51.100.7", "198.51.100.8", "2001:db8:1:2::3", "2001:db8:1:2:ffff::3"]
        self.assertEqual(self.seen("full", *clients), clients)
        networks = ["198.51.100.0/24", "198.51.100.0/24", "2001:db8:1::/48", "2001:db8:1::/48"]
        self.assertEqual(self.seen("prefix", *clients), networks)
        self.assertEqual(self.seen("none", *clients), [None] * 4)
        hashed = self.seen("hashed", *clients)
        for each in hashed:
            self.assertRegex(each, r"\A[0-9a-f]{16}\Z")
        self.assertEqual(len(set(hashed)), 3)
        self.assertEqual(hashed[2], hashed[3])
        # The next run has another key.
        self.assertNotEqual(self.seen("hashed", *clients)[0], hashed[0])


class DestinationTests(AccessCase):
    def test_standard_error(self):
        client = self.serve("log: { access: stderr }")
        identity = client.get("/shut/x").header("x-request-id")
        self.gateway.wait_for(lambda lines: any(line.get("request_id") == identity for line in lines))
        self.assertEqual(list(self.gateway.output), [])

    def test_off(self):
        client = self.serve("log: { access: off }")
        client.get("/shut/x")
        self.gateway.terminate()
        self.gateway.wait_exit()
        self.gateway.stop(keep_folder=True)
        self.assertEqual(list(self.gateway.output), [])
        self.assertFalse([line for line in self.gateway.lines if line.get("message") == "request"])

    def test_it_follows_a_reload(self):
        client = self.serve("log: { access: off, addresses: full }")
        client.get("/shut/before")
        with open(self.gateway.config_path, encoding="utf-8") as file:
            text = file.read()
        changed = text.replace("access: off, addresses: full", "access: stdout, addresses: none, level: error")
        self.gateway.write_config(changed)
        # Once it holds, requests are told; until then this asks again.
        self.gateway.reload()
        identity = None
        for _ in range(10_000):
            identity = client.get("/shut/after").header("x-request-id")
            if self.gateway.output:
                break
        line = self.gateway.accessed(identity)
        self.assertNotIn("client", line)
        # The level holds as well: what would be a notice is not told any more.
        self.gateway.terminate()
        self.gateway.wait_exit()
        self.gateway.stop(keep_folder=True)
        self.assertFalse([line for line in self.gateway.lines if line.get("message") == "stopping"])


if __name__ == "__main__":
    unittest.main()
