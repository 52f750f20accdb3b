"""What the upstream gets to see of a request: nothing that was forged, nothing of ours, nothing of another hop."""

import json
import unittest

import protocol
from client import Violation
from identity_case import ADDRESS_HEADERS, HEADER, PEER, PROXY, STRANGER, VIP, XFF, IdentityTestCase


class UpstreamViewTests(IdentityTestCase):
    HOP_BY_HOP = [
        ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic eDp5"), ("TE", "trailers"),
        ("Trailer", "X-Later"), ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
    ]  # fmt: skip

    def ours(self, request):
        return [name for name in request.names() if name.replace("_", "-").startswith("pow-")]

    def test_no_field_of_ours_and_no_hop_by_hop_field_reaches_the_upstream(self):
        client = self.client(PEER, STRANGER)
        challenge = client.get(f"{protocol.CHALLENGE}?policy=paid").json()
        line = f"{challenge['challenge']}.{protocol.solve(challenge)}"
        answer = client.get("/x", [("PoW-Solution", line), ("PoW-Idempotency-Key", "k"), ("Cookie", "tollgate_paid=x")])
        self.assertEqual(answer.status, 200, answer)
        token = answer.header("pow-pass")
        self.assertEqual((self.ours(self.upstream.last()), self.upstream.last().all("cookie")), ([], []))
        fields = self.HOP_BY_HOP + [
            ("Connection", "keep-alive, X-Private,, x-ALSO"), ("X-Private", "1"), ("X-Also", "1"), ("X-Public", "1"),
            ("PoW-Pass", token), ("pow-pass", "junk"), ("POW-IDEMPOTENCY-KEY", "k"),
            ("Cookie", f"a=1; tollgate_paid={token}; b=2"),
            ("Cookie", f"__Host-tollgate_paid={token};tollgate_other=y ; c=tollgate_paid"),
        ]  # fmt: skip
        answer = client.get("/x", fields)
        self.assertEqual(answer.status, 200, answer)
        seen = self.upstream.last()
        self.assertEqual(self.ours(seen), [])
        self.assertNotIn(token, json.dumps(seen.headers))
        self.assertEqual("; ".join(seen.all("cookie")), "a=1; b=2; c=tollgate_paid")
        for name in [name for name, _ in self.HOP_BY_HOP] + ["X-Private", "X-Also", "Upgrade"]:
            self.assertNotIn(name.lower(), seen.names())
        self.assertFalse([value for value in seen.all("connection") if value.lower() not in ("keep-alive", "close")])
        self.assertEqual(seen.header("x-public"), "1")

    def test_naming_our_fields_in_connection_does_not_remove_them(self):
        client = self.client(XFF, STRANGER)
        names = "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Request-Id, Via, Host, Content-Length, Transfer-Encoding, Cookie, PoW-Pass"
        answer = client.request("POST", "/seen/x", [("Connection", names), ("X-Forwarded-For", VIP)], b"body")
        self.assertEqual(answer.status, 200)
        seen = self.upstream.last()
        self.assertEqual(seen.header("x-forwarded-for"), STRANGER)
        self.assertEqual(seen.header("x-forwarded-proto"), "http")
        self.assertEqual(seen.header("x-forwarded-host"), client.authority)
        self.assertEqual(seen.header("host"), client.authority)
        self.assertEqual(seen.header("x-request-id"), answer.header("x-request-id"))
        self.assertIn("tollgate", seen.header("via"))
        self.assertEqual(seen.body, b"body")

    def test_the_upstream_hears_of_the_client_from_us_alone(self):
        client = self.client(XFF, STRANGER)
        fields = [(name, VIP) for name in ADDRESS_HEADERS if name not in ("Via", "From", "X-Host")]
        self.assertEqual(client.get("/seen/x", fields + [("X-Forwarded-For", f"{VIP}, {VIP}")]).status, 200)
        seen = self.upstream.last()
        self.assertEqual(seen.all("x-forwarded-for"), [STRANGER])
        for name in (
            "forwarded", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "x-true-client-ip", "cf-connecting-ip",
            "cf-connecting-ipv6", "fastly-client-ip", "x-cluster-client-ip", "x-forwarded",
        ):  # fmt: skip
            with self.subTest(name):
                self.assertEqual(seen.all(name), [])

    def test_the_header_that_a_listener_reads_is_not_passed_on(self):
        self.assertEqual(self.client(HEADER).get("/seen/x", [("CF-Connecting-IP", "198.51.100.1")]).status, 200)
        seen = self.upstream.last()
        self.assertEqual((seen.all("cf-connecting-ip"), seen.header("x-forwarded-for")), ([], f"198.51.100.1, {PROXY}"))

    def test_an_underscore_is_no_way_round(self):
        """CGI and its heirs (WSGI, Rack, PHP) read `X_Forwarded_For` and `X-Forwarded-For` as one variable."""
        client = self.client(XFF, STRANGER)
        for name in ("X_Forwarded_For", "X-Forwarded_For", "X_Real_IP", "X_Forwarded_Proto", "X_Forwarded_Host", "X_Request_Id", "PoW_Pass"):
            with self.subTest(name):
                answer = client.get("/seen/x", [(name, VIP)])
                if answer.status == 200:
                    self.assertNotIn(name.lower(), self.upstream.last().names())
                else:
                    self.assertEqual(answer.status, 400)

    def test_smuggled_fields_are_refused(self):
        """A name or a line that two parsers read differently."""
        attempts = {
            "a space before the colon": b"X-Forwarded-For : 203.0.113.7",
            "a tab before the colon": b"X-Forwarded-For\t: 203.0.113.7",
            "a folded line": b"X-A: b\r\n X-Forwarded-For: 203.0.113.7",
            "a bare line feed": b"X-A: b\nX-Forwarded-For: 203.0.113.7",
            "a bare carriage return": b"X-A: b\rX-Forwarded-For: 203.0.113.7",
            "a NUL in a name": b"X-Forwarded\0-For: 203.0.113.7",
            "a NUL in a value": b"X-A: b\0X-Forwarded-For: 203.0.113.7",
            "no name": b": 203.0.113.7",
            "no colon": b"X-Forwarded-For",
            "a name that is not ASCII": b"X-F\xc3\xb6rwarded-For: 203.0.113.7",
        }
        for name, line in attempts.items():
            with self.subTest(name):
                self.upstream.take()
                data = b"GET /vip/x HTTP/1.1\r\nHost: a\r\n" + line + b"\r\nConnection: close\r\n\r\n"
                try:
                    answer = self.raw(data, XFF, STRANGER)
                except Violation as violation:
                    self.fail(f"{violation}")
                self.assertIn(answer.status, (400, 401), answer)
                self.assertEqual(self.upstream.take(), [])


if __name__ == "__main__":
    unittest.main()
