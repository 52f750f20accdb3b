"""Forms: what met a challenge is kept for the page, and the page without JavaScript hands a solution in by one."""

import html
import json
import re
import unittest
import urllib.parse

import protocol
from client import Client, exchange
from harness import TestCase

BROWSER = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")]
FORM = ("Content-Type", "application/x-www-form-urlencoded")
OWN = ("Sec-Fetch-Site", "same-origin")


class FormTestCase(TestCase):
    limits = "{}"

    def setUp(self):
        super().setUp()
        self.upstream = self.start_upstream()
        self.gateway = self.start_gateway(
            f"""
            upstreams: {{ app: {{ servers: ["{self.upstream.authority}"] }} }}
            routes: [{{ name: all, match: {{ path: "/*" }}, upstream: app, policy: site }}]
            policies: {{ site: {{ preset: site, reserve: 0, free: {{ rate: 0 }}, work: {{ difficulty: 256, rounds: 2, grants: 10 }} }} }}
            limits: {self.limits}
            """
        )
        self.client = self.connect(self.gateway)


class ReplayTests(FormTestCase):
    def post(self, body, *fields, target="/send?a=1&b=2"):
        answer = self.client.request("POST", target, [*BROWSER, *fields], body)
        self.assertEqual((answer.status, answer.header("content-type")), (401, "text/html; charset=utf-8"))
        return answer.body.decode()

    def fields(self, page):
        inputs = re.findall(r'<input type="hidden"[^>]*>', page)
        pairs = []
        for each in inputs:
            values = dict(re.findall(r'(\w+)="([^"]*)"', each))
            if "name" in values and values["name"] not in ("return", "challenge"):
                pairs.append((html.unescape(values["name"]), html.unescape(values.get("value", ""))))
        return pairs

    def test_what_a_page_of_this_origin_has_posted_is_in_the_page(self):
        sent = [("b", "1"), ("a", '"><script>alert(1)</script>'), ("b", "2"), ("submit", "é\r\nzwei"), ("日本", "語&=+%")]
        page = self.post(urllib.parse.urlencode(sent).encode(), FORM, OWN)
        self.assertEqual(self.fields(page), sent)
        self.assertNotIn("<script>alert", page)
        self.assertIn('action="/send?a=1&amp;b=2"', page)

    def test_an_origin_field_does_where_the_browser_says_no_more(self):
        host = "%s:%d" % self.gateway.address
        page = self.post(b"a=1", FORM, ("Origin", f"http://{host}"))
        self.assertEqual(self.fields(page), [("a", "1")])
        page = self.post(b"a=1", FORM, ("Origin", f"https://{host}"))
        self.assertEqual(self.fields(page), [])

    def test_what_another_origin_has_posted_is_not(self):
        for site in ("cross-site", "same-site", "none"):
            page = self.post(b"secret=transfer", FORM, ("Sec-Fetch-Site", site), ("Origin", "https://evil.example"))
            self.assertNotIn("transfer", page)
        self.assertNotIn("transfer", self.post(b"secret=transfer", FORM))

    def test_what_is_too_large_or_of_another_kind_is_not(self):
        largest = b"a=" + b"x" * (65_536 - 2)
        self.assertEqual(self.fields(self.post(largest, FORM, OWN)), [("a", "x" * (65_536 - 2))])
        self.assertEqual(self.fields(self.post(largest + b"x", FORM, OWN)), [])
        self.client.close()
        self.client = self.connect(self.gateway)
        self.assertEqual(self.fields(self.post(b"a=1", ("Content-Type", "multipart/form-data; boundary=x"), OWN)), [])
        self.assertEqual(self.fields(self.post(b"a=%FF", FORM, OWN)), [])

    def test_it_is_posted_again_to_its_own_address_and_to_no_other(self):
        for target in ("/send?dir=C:\\x", "/send?b=" + "x" * 8_000):
            page = self.post(b"a=1", FORM, OWN, target=target)
            self.assertEqual(self.fields(page), [("a", "1")])
            self.assertIn(f'action="{target}"', page)

    def test_chunks_are_bounded_too(self):
        request = (
            "POST /send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nSec-Fetch-Dest: document\r\n"
            "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        self.client.send(request.encode() + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 5 + b"0\r\n\r\n")
        answer = self.client.read_response()
        self.assertEqual(answer.status, 401)
        self.assertEqual(self.fields(answer.body.decode()), [])

    def test_a_program_gets_its_answer_without_its_body_being_read(self):
        answer = self.client.request("POST", "/send", [FORM], b"a=1")
        self.assertEqual((answer.status, answer.header("content-type")), (401, "application/problem+json"))


class FormLimitTests(FormTestCase):
    limits = "{ bodyBytes: 1000, bodyIdleTimeout: 1s }"
    head = "POST /send HTTP/1.1\r\nHost: a\r\n" + "".join(f"{name}: {value}\r\n" for name, value in [*BROWSER, FORM, OWN])

    def test_a_form_is_counted_once_against_the_largest_body(self):
        for length, status in ((1000, 401), (1001, 413)):
            request = f"{self.head}Content-Length: {length}\r\nConnection: close\r\n\r\n".encode() + b"a" * length
            self.assertEqual([answer.status for answer in exchange(self.gateway.address, request, half_close=False)], [status])
            # Also where only its parts tell how long it is.
            request = f"{self.head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
            request += b"1\r\na\r\n" * length + b"0\r\n\r\n"
            self.assertEqual([answer.status for answer in exchange(self.gateway.address, request, half_close=False)], [status])

    def test_a_form_that_does_not_come_is_not_waited_for_longer_than_any_body(self):
        # Less than a decision may take, which is what was waited for before.
        with Client(self.gateway.address, timeout=8) as client:
            client.send(f"{self.head}Content-Length: 100\r\n\r\na=1".encode())
            self.assertEqual(client.read_response().status, 408)


class RedeemFormTests(FormTestCase):
    def challenge(self):
        return self.client.get(protocol.CHALLENGE).json()

    def hand_in(self, fields, headers=BROWSER):
        body = urllib.parse.urlencode(fields).encode()
        return self.client.request("POST", protocol.REDEEM, [*headers, FORM], body)

    def assertPassed(self, answer, location):
        self.assertEqual((answer.status, answer.header("location"), answer.body), (303, location, b""))
        cookie = answer.header("set-cookie").split(";")[0]
        self.assertEqual(self.client.request("GET", "/x", [*BROWSER, ("Cookie", cookie)]).status, 200)

    def test_the_form_leads_its_reader_back(self):
        challenge = self.challenge()
        fields = {"challenge": challenge["challenge"], "solution": protocol.solve(challenge), "return": "/a/b?c=d"}
        self.assertPassed(self.hand_in(fields), "/a/b?c=d")

    def test_the_line_that_solve_prints_can_be_pasted_as_it_is(self):
        challenge = self.challenge()
        line = json.dumps({"challenge": challenge["challenge"], "solution": protocol.solve(challenge)})
        self.assertPassed(self.hand_in({"challenge": "another", "solution": f"  {line}\r\n", "return": "/"}), "/")

    def test_it_leads_nowhere_else(self):
        for target in ("//evil.example", "https://evil.example/", "javascript:alert(1)", "/\\evil.example", "", "/a\r\nX: y"):
            with self.subTest(target=target):
                challenge = self.challenge()
                fields = {"challenge": challenge["challenge"], "solution": protocol.solve(challenge), "return": target}
                self.assertEqual(self.hand_in(fields).header("location"), "/")

    def test_without_a_navigation_it_is_answered_as_ever(self):
        challenge = self.challenge()
        fields = {"challenge": challenge["challenge"], "solution": protocol.solve(challenge), "return": "/a"}
        answer = self.hand_in(fields, [])
        self.assertEqual((answer.status, answer.all("location")), (200, []))
        self.assertIn("pass", answer.json())

    def test_a_wrong_answer_is_a_page(self):
        challenge = self.challenge()
        answer = self.hand_in({"challenge": challenge["challenge"], "solution": "AAAAAAAAAAAAAAAAAAAAAA", "return": "/a"})
        self.assertEqual((answer.status, answer.header("content-type")), (403, "text/html; charset=utf-8"))
        self.assertEqual(answer.all("set-cookie"), [])


if __name__ == "__main__":
    unittest.main()
