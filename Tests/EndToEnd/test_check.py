"""Check listeners, asked as each proxy asks. The real programs are in Tests/Proxies."""

import json
import unittest

import protocol
from client import Client, exchange
from harness import TestCase

CHECK = protocol.BASE + "check"
REFUSAL = protocol.BASE + "refusal"
FAMILIES = ("nginx", "caddy", "traefik", "haproxy", "envoy")
NAVIGATION = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")]
WORK = "work: { difficulty: 256, rounds: 2, grants: 10 }"


class CheckTestCase(TestCase):
    # `{}`: the family.
    listener = '{{ address: "127.0.0.1:0", check: {} }}'

    def serve(self, family, api="free: { rate: 1/day, burst: 3 }, ceiling: { rate: 1/day, burst: 6 }", routes=""):
        self.family = family
        self.gateway = self.start_gateway(
            f"""
            listeners: [{self.listener.format(family)}]
            routes:
              - {{ name: open, match: {{ path: "/open/*" }}, allow: true }}
              - {{ name: banned, match: {{ path: "/banned/*" }}, deny: true }}
              - {{ name: put, match: {{ path: "/v1/*", methods: [PUT] }}, deny: true }}
              - {{ name: hosted, match: {{ host: other.example }}, allow: true }}
              - {{ name: api, match: {{ path: "/v1/*" }}, policy: api }}
            policies: {{ api: {{ preset: api, {api}, {WORK} }} }}
            """
        )
        return self.connect(self.gateway)

    def fields(self, method, target, address="198.51.100.7", host="example.com", proto="http"):
        """How the family's proxy describes a request."""
        if self.family == "nginx":
            described = [("X-Original-Method", method), ("X-Original-URI", target), ("X-Real-IP", address)]
        else:
            described = [("X-Forwarded-For", address)]
        if self.family in ("caddy", "traefik", "haproxy"):
            described += [("X-Forwarded-Method", method), ("X-Forwarded-Uri", target), ("X-Forwarded-Host", host)]
        if self.family in ("nginx", "envoy"):
            described.append(("Host", host))
        return [*described, ("X-Forwarded-Proto", proto)]

    def ask(self, client, method="GET", target="/v1/x", headers=(), path=CHECK, body=b"", **who):
        fields = [*self.fields(method, target, **who), *headers]
        if self.family == "envoy":
            return client.request(method, path + target, fields, body)
        return client.request("GET" if not body else method, path, fields, body)


class EveryFamilyTests(CheckTestCase):
    def test_it_decides_on_the_request_that_is_described(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                client = self.serve(family)
                refused = 403
                self.assertEqual(self.ask(client, target="/open/a%2Fb?x=1").status, 200)
                self.assertEqual(self.ask(client, target="/banned/x").status, refused)
                self.assertEqual(self.ask(client, "PUT").status, refused)
                self.assertEqual(self.ask(client, target="/banned/x", host="other.example").status, refused)
                self.assertEqual(self.ask(client, target="/x", host="other.example").status, 200)
                self.assertEqual(self.ask(client, target="/nothing").status, 403 if family == "nginx" else 404)

    def test_it_charges_as_the_request_itself_would_be_charged(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                client = self.serve(family)
                answers = [self.ask(client) for _ in range(3)]
                self.assertEqual([answer.status for answer in answers], [200] * 3)
                self.assertEqual([answer.body for answer in answers], [b""] * 3)
                self.assertIn('"free";r=0', answers[2].header("ratelimit"))
                refusal = self.ask(client)
                self.assertEqual(refusal.status, 401 if family == "nginx" else 429)
                # Another client, by the proxy's word, has limits of its own.
                self.assertEqual(self.ask(client, address="203.0.113.9").status, 200)

    def test_a_pass_and_a_solution_in_line_pay(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                client = self.serve(family, "free: { rate: 0 }, ceiling: { rate: 1/day, burst: 6 }")
                who = self.fields("GET", "/")
                challenge = client.request("GET", protocol.CHALLENGE + "?policy=api", who).json()
                solution = protocol.solve(challenge)
                answer = self.ask(client, headers=[("PoW-Solution", f"{challenge['challenge']}.{solution}")])
                self.assertEqual(answer.status, 200)
                shown = [("PoW-Pass", answer.header("pow-pass"))]
                self.assertEqual([self.ask(client, headers=shown).status for _ in range(5)], [200] * 5)
                # Over the ceiling no work helps.
                answer = self.ask(client, headers=shown)
                self.assertEqual(answer.status, 403 if family == "nginx" else 429)
                self.assertEqual(answer.all("pow-challenge"), [])

    def test_a_challenge_is_redeemed_for_the_client_that_the_proxy_names(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                client = self.serve(family, "free: { rate: 0 }, ceiling: off")
                mine = [each for each in self.fields("GET", "/") if "Method" not in each[0] and "Uri" not in each[0]]
                challenge = client.request("GET", protocol.CHALLENGE, mine).json()
                solution = protocol.solve(challenge)
                body = json.dumps({"challenge": challenge["challenge"], "solution": solution}).encode()
                other = [(name, value.replace("198.51.100.7", "203.0.113.9")) for name, value in mine]
                kind = ("Content-Type", "application/json")
                self.assertEqual(client.request("POST", protocol.REDEEM, [*other, kind], body).status, 403)
                answer = client.request("POST", protocol.REDEEM, [*mine, kind], body)
                self.assertEqual(answer.status, 200)
                cookie = answer.header("set-cookie").split(";")[0]
                self.assertEqual(self.ask(client, headers=[("Cookie", cookie)]).status, 200)

    def test_the_endpoints_are_not_to_be_asked_about(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                client = self.serve(family)
                for target in (protocol.REDEEM, protocol.CHALLENGE, CHECK, "/.well-known/%74ollgate/redeem", "/.well-known/tollgate"):
                    self.assertEqual(self.ask(client, target=target).status, 403 if family == "nginx" else 404, target)

    def test_a_target_names_no_other_host_than_the_proxy_does(self):
        for family in ("nginx", "caddy", "traefik", "haproxy"):
            with self.subTest(family=family):
                client = self.serve(family)
                refused = 403 if family == "nginx" else 400
                self.assertEqual(self.ask(client, target="http://other.example/x").status, refused)
                client = self.connect(self.gateway)
                self.assertEqual(self.ask(client, target="http://EXAMPLE.com/open/x").status, 200)

    def test_a_target_that_is_none_is_refused(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                client = self.serve(family)
                for target in ("/../x", "/a%00b", "/a%5cb", "/open/..%2Fbanned/x", "/%"):
                    self.assertEqual(self.ask(client, target=target).status, 403 if family == "nginx" else 400, target)

    def test_nothing_else_is_answered_there(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                client = self.serve(family)
                for path in ("/", "/v1/x", "/open/x", CHECK + "s", "/.well-known/tollgate/%63heck", "//.well-known/tollgate/check"):
                    answer = client.request("GET", path, self.fields("GET", "/open/x"))
                    self.assertEqual(answer.status, 404, path)
                    client.close()

    def test_a_request_that_wants_to_switch_protocols_is_decided_on(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                client = self.serve(family)
                upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
                self.assertEqual(self.ask(client, headers=upgrade).status, 200)


class TraefikTests(CheckTestCase):
    def test_an_admission_carries_the_cookies_that_the_site_may_see(self):
        client = self.serve("traefik")
        for fields, kept in (
            (["a=1; tollgate_api=x; b=2"], ["a=1; b=2"]),
            (["a=1", "__Host-tollgate_api=x", "b=2; tollgate_"], ["a=1; b=2"]),
            (["tollgate_api=x"], []),
            ([], []),
        ):
            answer = self.ask(client, target="/open/x", headers=[("Cookie", field) for field in fields])
            self.assertEqual((answer.status, answer.all("cookie")), (200, kept))
        # Nobody else is told.
        answer = self.ask(self.serve("caddy"), target="/open/x", headers=[("Cookie", "a=1")])
        self.assertEqual(answer.all("cookie"), [])


class NginxTests(CheckTestCase):
    def test_check_answers_three_statuses_and_refusal_says_the_rest(self):
        client = self.serve("nginx")
        for _ in range(3):
            self.ask(client)
        checked = self.ask(client)
        self.assertEqual((checked.status, checked.body), (401, b""))
        # nginx would add it to the refusal, which says it by itself where it holds.
        self.assertEqual(checked.all("www-authenticate"), [])
        told = self.ask(client, path=REFUSAL)
        self.assertEqual(told.status, 429)
        self.assertEqual(told.json()["type"], "urn:tollgate:work-required")
        page = self.ask(client, path=REFUSAL, headers=NAVIGATION)
        self.assertEqual((page.status, page.header("content-type")), (429, "text/html; charset=utf-8"))
        self.assertEqual(self.ask(client, target="/banned/x", path=REFUSAL).json()["type"], "urn:tollgate:denied")
        self.assertEqual(self.ask(client, target="/nothing", path=REFUSAL).status, 404)
        self.assertEqual(self.ask(client, target="/../x", path=REFUSAL).status, 400)

    def test_refusal_charges_nothing(self):
        client = self.serve("nginx")
        for _ in range(20):
            # What would be admitted now was refused a moment ago: the challenge helps all the same.
            self.assertEqual(self.ask(client, path=REFUSAL).status, 429)
        self.assertEqual([self.ask(client).status for _ in range(4)], [200, 200, 200, 401])
        challenge = self.ask(client, path=REFUSAL).json()["challenge"]
        key = ("PoW-Idempotency-Key", "k")
        solution = [("PoW-Solution", f"{challenge['challenge']}.{protocol.solve(challenge)}"), key]
        for _ in range(20):
            self.assertEqual(self.ask(client, path=REFUSAL, headers=solution).status, 429)
        answer = self.ask(client, headers=solution)
        self.assertEqual(answer.status, 200)
        shown = [("PoW-Pass", answer.header("pow-pass"))]
        for _ in range(20):
            self.ask(client, path=REFUSAL, headers=shown)
        # Of the ceiling's 6, three were free and one was the solution's.
        self.assertEqual([self.ask(client, headers=shown).status for _ in range(3)], [200, 200, 403])

    def test_refusal_says_what_was_wrong_with_a_solution(self):
        client = self.serve("nginx", "free: { rate: 0 }, ceiling: { rate: 1/day, burst: 1 }")
        challenge = self.ask(client, path=REFUSAL).json()["challenge"]
        token, solution = challenge["challenge"], protocol.solve(challenge)
        for value, kind in (
            ("x", "malformed"),
            (f"{token}.AAAAAAAAAAAAAAAAAAAAAA", "wrong-solution"),
            (f"{token[:-4]}AAAA.{solution}", "wrong-solution"),
        ):
            headers = [("PoW-Solution", value)]
            self.assertEqual(self.ask(client, headers=headers).status, 403)
            self.assertEqual(self.ask(client, path=REFUSAL, headers=headers).json()["type"], f"urn:tollgate:{kind}")
        headers = [("PoW-Solution", f"{token}.{solution}")]
        self.assertEqual(self.ask(client, headers=headers).status, 200)
        # Now the solution is spent and the ceiling is reached: the ceiling is what stands in the way.
        self.assertEqual(self.ask(client, headers=headers).status, 403)
        self.assertEqual(self.ask(client, path=REFUSAL, headers=headers).json()["type"], "urn:tollgate:over-limit")

    def test_over_the_ceiling_work_does_not_help(self):
        client = self.serve("nginx", "free: { rate: 1/day, burst: 1 }, ceiling: { rate: 1/day, burst: 1 }")
        self.assertEqual([self.ask(client).status for _ in range(2)], [200, 403])
        told = self.ask(client, path=REFUSAL)
        self.assertEqual((told.status, told.json()["type"]), (429, "urn:tollgate:over-limit"))
        self.assertNotIn("challenge", told.json())

    def test_a_form_is_kept_where_nginx_hands_it_on(self):
        client = self.serve("nginx", "free: { rate: 0 }, ceiling: off")
        form = [*NAVIGATION, ("Sec-Fetch-Site", "same-origin"), ("Content-Type", "application/x-www-form-urlencoded")]
        page = self.ask(client, "POST", path=REFUSAL, headers=form, body=b"word=typed")
        self.assertEqual(page.status, 401)
        self.assertIn('value="typed"', page.body.decode())
        bare = self.ask(client, "POST", path=REFUSAL, headers=form)
        self.assertEqual(bare.status, 401)
        self.assertNotIn("<form id=\"replay\"", bare.body.decode())

    def test_what_nginx_passes_on_of_a_hostile_client_is_refused_in_its_own_words(self):
        self.serve("nginx")
        described = b"".join(f"{name}: {value}\r\n".encode() for name, value in self.fields("GET", "/open/x"))
        for field in (b"X-Client: \xff", b"X-Client: \x01", b"Transfer-Encoding: gzip", b"\r\n".join([b"X-Client: x"] * 120)):
            with self.subTest(field=field[:30]):
                request = b" HTTP/1.1\r\n" + described + field + b"\r\n\r\n"
                checked = exchange(self.gateway.address, b"GET " + CHECK.encode() + request)
                self.assertEqual([answer.status for answer in checked], [403])
        # The refusal says what it is, as far as it could be read.
        request = b" HTTP/1.1\r\n" + described + b"X-Client: \xff\r\n\r\n"
        told = exchange(self.gateway.address, b"GET " + REFUSAL.encode() + request)
        self.assertEqual([(answer.status, answer.json()["type"]) for answer in told], [(400, "urn:tollgate:malformed")])

    def test_a_flood_of_questions_without_a_request_is_no_flood_of_lines(self):
        client = self.serve("nginx")
        for _ in range(50):
            self.assertEqual(client.request("GET", REFUSAL, [("X-Real-IP", "198.51.100.7")]).status, 400)
        self.ask(client, target="/open/x")
        reports = [line for line in self.gateway.lines if "without describing" in line.get("message", "")]
        # One for each loop and fault.
        self.assertLessEqual(len(reports), 2)

    def test_a_proxy_that_says_too_little_is_told_in_the_log(self):
        self.serve("nginx")
        for fields in ([("X-Original-URI", "/open/x")], [("X-Original-Method", "GET")], [*[("X-Original-URI", "/open/x")] * 2, ("X-Original-Method", "GET")]):
            with self.connect(self.gateway) as client:
                self.assertEqual(client.request("GET", CHECK, fields).status, 403)
        self.gateway.wait_for(lambda lines: any("X-Original-Method" in line.get("problem", "") for line in lines))
        self.gateway.wait_for(lambda lines: any("more than once" in line.get("problem", "") for line in lines))


class TrustTests(CheckTestCase):
    listener = '{{ address: "127.0.0.1:0", check: {}, client: {{ from: "x-forwarded-for", trusted: ["127.0.0.2"] }} }}'

    def test_only_trusted_peers_are_answered(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                self.serve(family)
                with Client(self.gateway.address, source="127.0.0.2") as proxy:
                    self.assertEqual(self.ask(proxy, target="/open/x").status, 200)
                for path in (CHECK, REFUSAL, protocol.CHALLENGE, protocol.BASE + "page/page.css"):
                    with Client(self.gateway.address, source="127.0.0.3") as other:
                        answer = other.request("GET", path, self.fields("GET", "/open/x"))
                        self.assertEqual((answer.status, answer.json()["type"]), (403, "urn:tollgate:untrusted-proxy"))
                self.gateway.wait_for(lambda lines: any("client.trusted" in line.get("message", "") for line in lines))
                reports = [line for line in self.gateway.lines if "client.trusted" in line.get("message", "")]
                # Anybody can ask: a flood of questions is not a flood of lines. One a loop is enough.
                self.assertLessEqual(len(reports), 2)
                self.assertEqual(reports[0]["peer"], "127.0.0.3")


if __name__ == "__main__":
    unittest.main()
