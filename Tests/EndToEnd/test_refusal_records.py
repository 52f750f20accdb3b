"""Why a request was refused: found again by its id in the access log, in the admin interface and by the command."""

import datetime
import unittest

import protocol
from operator_case import OperatorCase, run

FREE = """{ p: {
    free: [{ rate: 1/day, burst: 9 }, { key: "client/24,/48", rate: 6/min, burst: 2 }],
    ceiling: { rate: 2/min, burst: 4 },
    work: { difficulty: 64, rounds: 4, grants: 3 } } }"""


def time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class FoundAgainTests(OperatorCase):
    def test_a_refusal_is_found_in_the_log_in_the_admin_interface_and_by_the_command(self):
        client = self.serve(FREE)
        for _ in range(2):
            self.assertEqual(client.get("/v1/x").status, 200)
        # Another client is not concerned.
        self.assertEqual(client.get("/v1/x", [("X-Forwarded-For", "198.51.100.7")]).status, 200)
        refused = client.get("/v1/x?secret=1")
        self.assertEqual(refused.status, 429)
        identity = refused.header("x-request-id")
        self.assertEqual(refused.json()["instance"], identity)
        retry_after = int(refused.header("retry-after"))

        line = self.gateway.accessed(identity)
        self.assertEqual(
            [line[name] for name in ("route", "policy", "verdict", "status", "limit", "burst", "remaining", "price")],
            ["api", "p", "work-required", 429, "free-2", 2, 0, 1],
        )

        record = self.refusal(identity)
        self.assertEqual(record["request_id"], identity)
        self.assertEqual(
            [record[name] for name in ("route", "policy", "verdict", "status", "type", "enforced", "price")],
            ["api", "p", "work-required", 429, "urn:tollgate:work-required", True, 1],
        )
        self.assertEqual(
            record["limit"],
            {"name": "free-2", "key": "client/24,/48", "rate": "6/min", "burst": 2, "remaining": 0},
        )
        self.assertEqual(record["challenge"], {"difficulty": 64, "rounds": 4, "grants": 3})
        self.assertEqual(
            [record[name] for name in ("method", "host", "path", "client", "purpose")],
            ["GET", "127.0.0.1", "/v1/x", "127.0.0.0/24", "proxy"],
        )
        # When it clears: as the client was told, and counted from now.
        clears = (time(record["clears_at"]) - time(record["time"])).total_seconds()
        self.assertTrue(0 < clears <= retry_after <= 10, (clears, retry_after))
        self.assertTrue(0 <= record["clears_in_seconds"] <= retry_after, record)

        told = run("explain", identity, "--admin", self.gateway.admin)
        self.assertEqual((told.returncode, told.stderr), (0, ""), told)
        for word in [
            identity,
            "429 work-required",
            "GET 127.0.0.1/v1/x",
            "route     api",
            "policy    p",
            "free-2: 6/min with bursts of 2, counted by client/24,/48; 0 left",
            record["clears_at"],
            "What to do: the client solves the challenge",
        ]:
            self.assertIn(word, told.stdout)
        self.assertRegex(told.stdout, r"(?m)^clears +(in \d+ s, at|now: since) ")
        for text in (str(line), str(record), told.stdout):
            self.assertNotIn("secret", text)


class KindTests(OperatorCase):
    def test_the_ceiling_and_an_exhausted_pass(self):
        client = self.serve(FREE)
        for _ in range(2):
            client.get("/")
        challenge = client.get("/").json()["challenge"]
        granted = [("PoW-Pass", protocol.redeem(client, challenge, protocol.solve(challenge)).json()["pass"])]
        for _ in range(2):
            self.assertEqual(client.get("/", granted).status, 200)
        over = client.get("/", granted)
        record = self.refusal(over.header("x-request-id"))
        self.assertEqual((over.status, record["verdict"], record["limit"]["name"]), (429, "over-limit", "ceiling"))
        self.assertEqual(record["limit"]["rate"], "2/min")
        self.assertNotIn("challenge", record)
        self.assertTrue(0 < record["clears_in_seconds"] <= int(over.header("retry-after")))
        told = run("explain", over.header("x-request-id"), "--admin", self.gateway.admin).stdout
        self.assertIn("What to do: the client waits, as no work lifts this limit", told)
        self.assertIn("raise ceiling of policy p", told)

    def test_where_nothing_is_free(self):
        client = self.serve("{ p: { free: { rate: 0 }, work: { difficulty: 64, rounds: 4 } } }")
        refused = client.get("/")
        record = self.refusal(refused.header("x-request-id"))
        self.assertEqual((refused.status, record["status"], record["limit"]["name"]), (401, 401, "free"))
        self.assertNotIn("clears_at", record)
        told = run("explain", refused.header("x-request-id"), "--admin", self.gateway.admin).stdout
        self.assertRegex(told, r"(?m)^limit +free: nothing is free here$")
        self.assertRegex(told, r"(?m)^clears +never")

    def test_what_an_unenforced_policy_would_refuse(self):
        client = self.serve("{ p: { enforce: false, free: { rate: 1/min, burst: 1 }, work: { difficulty: 64, rounds: 4 } } }")
        client.get("/")
        admitted = client.get("/")
        record = self.refusal(admitted.header("x-request-id"))
        self.assertEqual((admitted.status, record["enforced"], record["verdict"]), (200, False, "work-required"))
        self.assertNotIn("status", record)
        told = run("explain", admitted.header("x-request-id"), "--admin", self.gateway.admin).stdout
        self.assertIn("was admitted", told)
        self.assertIn("enforce: false", told)

    def test_others(self):
        client = self.serve(
            "{ p: { free: { rate: 0 }, work: { difficulty: 64, rounds: 4 } } }",
            routes='{ name: shut, match: { path: "/shut" }, deny: true },',
        )
        challenge = client.get("/").json()["challenge"]
        wrong = protocol.wrong_solution(challenge, protocol.solve(challenge))
        for name, answer in {
            "denied": client.get("/shut"),
            "unknown-policy": client.get(protocol.CHALLENGE + "?policy=none"),
            "wrong-solution": protocol.redeem(client, challenge, wrong),
            "malformed": client.get("/", [("PoW-Solution", "nonsense")]),
            "method-not-allowed": client.request("TRACE", "/"),
        }.items():
            record = self.refusal(answer.header("x-request-id"))
            told = run("explain", answer.header("x-request-id"), "--admin", self.gateway.admin)
            self.assertEqual(told.returncode, 0, told)
            self.assertIn(f"{answer.status} {name}", told.stdout)
            self.assertIn("What to do: ", told.stdout)
            said = [record["verdict"], record["status"], record["detail"]]
            self.assertEqual(said, [name, answer.status, answer.json()["detail"]])

    def test_admitted_requests_are_no_refusals(self):
        client = self.serve(FREE)
        admitted = client.get("/").header("x-request-id")
        self.gateway.accessed(admitted)
        self.assertEqual(self.ask("/v1/refusals/" + admitted).status, 404)


class KeptTests(OperatorCase):
    def test_the_last_ten_thousand_are_kept(self):
        client = self.serve(FREE, routes='{ name: shut, match: { path: "/shut/*" }, deny: true },', more="log: { access: off }")
        first = client.get("/shut/first").header("x-request-id")
        second = client.get("/shut/second").header("x-request-id")
        head = client.head("GET", "/shut/" + "x" * 600)
        for _ in range(9_999 // 99):
            client.send(head * 99)
            for _ in range(99):
                last = client.read_response("GET").header("x-request-id")
        self.assertEqual(self.ask("/v1/refusals/" + first).status, 404)
        self.assertEqual(self.refusal(second)["path"], "/shut/second")
        # Long paths are cut.
        self.assertEqual(len(self.refusal(last)["path"]), 512)

    def test_of_two_requests_with_one_id_the_later_is_told(self):
        client = self.serve(FREE, routes='{ name: shut, match: { path: "/shut/*" }, deny: true },')
        same = [("X-Request-Id", "the:same=id")]
        client.get("/shut/a", same)
        client.get("/shut/b", same)
        self.assertEqual(self.refusal("the:same=id")["path"], "/shut/b")
        self.assertEqual(run("explain", "the:same=id", "--admin", self.gateway.admin).returncode, 0)

    def test_what_nginx_shows_does_not_replace_what_was_decided(self):
        gateway = self.start_gateway(
            f"""
            listeners: [{{ address: "127.0.0.1:0", check: nginx }}]
            routes: [{{ name: api, match: {{ path: "/*" }}, policy: p }}]
            policies: {{ p: {{ free: {{ rate: 1/day, burst: 1 }}, work: {{ difficulty: 64, rounds: 4 }} }} }}
            admin: {{ address: "unix:{self.socket_path()}" }}
            """
        )
        self.gateway = gateway
        client = self.connect(gateway)
        asked = [
            ("X-Original-Method", "GET"),
            ("X-Original-URI", "/v1/x"),
            ("X-Real-IP", "198.51.100.7"),
            ("Host", "example.com"),
            ("X-Request-Id", "one"),
        ]
        for path, status in [("check", 200), ("check", 401), ("refusal", 429)]:
            self.assertEqual(client.get(protocol.BASE + path, asked).status, status)
        record = self.refusal("one")
        self.assertEqual((record["purpose"], record["limit"]["name"]), ("check", "free"))
        self.assertEqual(record["challenge"]["difficulty"], 64)
        # Where the outer proxy passes no id on, the one that the client sees is the refusal's.
        shown = client.get(protocol.BASE + "refusal", asked[:-1]).header("x-request-id")
        self.assertEqual(self.refusal(shown)["purpose"], "refusal")
        # nginx passes on as a method whatever looks like one; ten thousand records hold little of it.
        asked[0] = ("X-Original-Method", "M" * 5_000)
        answer = client.get(protocol.BASE + "check", asked[:-1])
        self.assertEqual(answer.status, 401)
        self.assertEqual(self.refusal(answer.header("x-request-id"))["method"], "M" * 32)


if __name__ == "__main__":
    unittest.main()
