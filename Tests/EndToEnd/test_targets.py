"""No spelling of a path, a host or a method leads round a rule: a table of attempts, and what the upstream is asked of each."""

import re
import unittest
import urllib.parse

from identity_case import PEER, STRANGER, IdentityTestCase

DENIED, BAD = 403, 400

# target: the status, or for what is let through, the target that the upstream gets
TARGETS = {
    "/secret": DENIED,
    "/secret/": DENIED,
    "/secret/x?y=/open/": DENIED,
    "/%73ecret/x": DENIED,
    "/%73%65%63%72%65%74/x": DENIED,
    "/secret%3f/../x": 401,  # a question mark is part of a name: `/x`
    "//secret/x": DENIED,
    "///secret///x": DENIED,
    "/./secret/x": DENIED,
    "/%2e/secret/x": DENIED,
    "/open/../secret/x": DENIED,
    "/open/%2e%2e/secret/x": DENIED,
    "/open/.%2E/secret/x": DENIED,
    "/open/%2E./secret/x": DENIED,
    "/open/x/../../secret/x": DENIED,
    "/open//../secret/x": DENIED,
    "/open/./../secret/x": DENIED,
    "/secret/x/..": DENIED,
    "/secret/x/../": DENIED,
    "/secret/.": DENIED,
    "/secret/x/%2e%2e/y": DENIED,
    "/open/secret/x": DENIED,
    "/open//secret/x": DENIED,
    "/open/x/..//secret/x": DENIED,
    "/.well-known/tollgate/../../secret/x": DENIED,
    "/.well-known/tollgate/%2e%2e/%2e%2e/secret/x": DENIED,
    # An encoded slash may be one or not: both readings must agree.
    "/secret%2fx": BAD,
    "/secret%2Fx": BAD,
    "/open%2f..%2fsecret/x": BAD,
    "/open/..%2fsecret/x": BAD,
    "/open/..%2f..%2fx": BAD,  # the second reading climbs out
    "/open/%2e%2e%2fsecret/x": BAD,
    "/open/x%2f..%2fsecret/x": BAD,
    "/open/%2fsecret/x": BAD,
    "/open/x%2f../secret/x": BAD,
    "/.well-known%2ftollgate/challenge": BAD,
    "/.well-known/tollgate%2fredeem": BAD,
    "/open/..%2f.well-known/tollgate/challenge": BAD,
    "/open/group%2Fproject": "/open/group%2Fproject",
    "/open/group%2fproject": "/open/group%2Fproject",
    # What two servers read differently.
    "/open\\..\\secret\\x": BAD,
    "/open/..\\secret/x": BAD,
    "/open/%5c../secret/x": BAD,
    "/open/..%5Csecret/x": BAD,
    "/open/%00": BAD,
    "/secret%00/x": BAD,
    "/open/%0d%0aHost:%20admin.example.com": BAD,
    "/open/%0a": BAD,
    "/open/%09": BAD,
    "/open/%7f": BAD,
    "/open/%": BAD,
    "/open/%2": BAD,
    "/open/%zz": BAD,
    "/open/%u002e": BAD,
    "/open/x#/../../secret": BAD,
    "/../secret/x": BAD,
    "/../open/x": BAD,
    "/..": BAD,
    "/open/../../secret/x": BAD,
    "/%2e%2e/open/x": BAD,
    # Twice encoded is once encoded for whoever decodes once; what is forwarded is what was matched.
    "/open/%252e%252e/secret/x": "/open/%252e%252e/secret/x",
    "/open/%25%32%65%25%32%65/secret/x": "/open/%252e%252e/secret/x",
    "/open/%252fsecret": "/open/%252fsecret",
    # Overlong UTF-8 is bytes, not dots and slashes.
    "/open/%c0%ae%c0%ae/secret/x": "/open/%C0%AE%C0%AE/secret/x",
    "/open/..%c0%afsecret/x": "/open/..%C0%AFsecret/x",
    # Normalized, as it was matched.
    "/open/a/./b/../c//d": "/open/a/c/d",
    "/open/%7Ea%2Db": "/open/~a-b",
    "/open/a%20b%3f": "/open/a%20b%3F",
    "/open/...": "/open/...",
    "/open/..x/x..": "/open/..x/x..",
    "/open/?q=/../../secret&r=%2e%2e%2f": "/open/?q=/../../secret&r=%2e%2e%2f",
    "/open/x??#": BAD,
    "/open/x?a?b": "/open/x?a?b",
    "/x/../open/": "/open/",
    "/open": 401,
    "/SECRET/x": 401,
    # Other forms of a target (RFC 9112 section 3.2).
    "http://a.example/secret/x": DENIED,
    "http://a.example/open/../secret/x": DENIED,
    "HTTPS://a.example//secret/x": DENIED,
    "http://a.example/open/x": "/open/x",
    "http://a.example/open/x?http://b/secret": "/open/x?http://b/secret",
    "http://a.example": 401,
    "http://a.example?x": 401,
    "http://": BAD,
    "http:///open/x": BAD,
    "http:/open/x": BAD,
    "http://a.example:99999999/open/x": BAD,
    "http://a b/open/x": BAD,
    "http://u@a.example/open/x": BAD,
    "http://a.example\\open/x": BAD,
    "ftp://a.example/open/x": BAD,
    "open/x": BAD,
    "*": BAD,
    "?/open/x": BAD,
    "a.example:80": BAD,
    "//a.example/open/x": 401,
}

# host field lines, target: status
HOSTS = {
    "admin": (["admin.example.com"], "/open/x", DENIED),
    "capitals": (["ADMIN.Example.COM"], "/open/x", DENIED),
    "a port": (["admin.example.com:8080"], "/open/x", DENIED),
    "an empty port": (["admin.example.com:"], "/open/x", DENIED),
    "the root's dot": (["admin.example.com."], "/open/x", DENIED),
    "dot and port": (["admin.example.com.:80"], "/open/x", DENIED),
    "a subdomain": (["x.tenants.example.com"], "/open/x", DENIED),
    "two dots": (["admin.example.com.."], "/open/x", (DENIED, BAD)),
    "an empty label": (["admin..example.com"], "/open/x", BAD),
    "a dot before": ([".admin.example.com"], "/open/x", BAD),
    "spaces": (["  admin.example.com\t"], "/open/x", DENIED),
    "absolute form wins": (["open.example.com"], "http://admin.example.com/open/x", DENIED),
    "absolute form, capitals": (["open.example.com"], "HTTP://ADMIN.example.com:80/open/x", DENIED),
    "absolute form, other host": (["admin.example.com"], "http://open.example.com/open/x", 200),
    "two": (["open.example.com", "admin.example.com"], "/open/x", BAD),
    "the same twice": (["open.example.com"] * 2, "/open/x", BAD),
    "two, absolute form": (["open.example.com", "admin.example.com"], "http://open.example.com/open/x", BAD),
    "none": ([], "/open/x", BAD),
    "none, absolute form": ([], "http://open.example.com/open/x", (BAD, 200)),
    "empty": ([""], "/open/x", BAD),
    "a list": (["admin.example.com, open.example.com"], "/open/x", BAD),
    "a user": (["open@admin.example.com"], "/open/x", BAD),
    "a path": (["open.example.com/admin"], "/open/x", BAD),
    "a query": (["open.example.com?admin"], "/open/x", BAD),
    "a fragment": (["open.example.com#admin"], "/open/x", BAD),
    "a space": (["open.example.com admin.example.com"], "/open/x", BAD),
    "a backslash": (["open.example.com\\admin"], "/open/x", BAD),
    "a percent": (["%61dmin.example.com"], "/open/x", BAD),
    "a bad port": (["open.example.com:8a"], "/open/x", BAD),
    "a long port": (["open.example.com:123456"], "/open/x", BAD),
    "two ports": (["open.example.com:80:80"], "/open/x", BAD),
    "only a port": ([":80"], "/open/x", BAD),
    "a bracket": (["[::1"], "/open/x", BAD),
    "not an address": (["[admin.example.com]"], "/open/x", BAD),
    "an address": (["[2001:db8::1]:80"], "/open/x", 200),
    "too long": (["a" * 300], "/open/x", BAD),
    "not ASCII": (["ädmin.example.com"], "/open/x", BAD),
}


def normalized_readings(target):
    """The ways in which a server might read a forwarded path: dots resolved after decoding, with and without its encoded slashes."""
    path = target.split("?", 1)[0]
    for text in (path, urllib.parse.unquote(path, "latin-1"), urllib.parse.unquote(path.replace("%2F", "%252F"), "latin-1")):
        output = []
        for segment in text.split("/"):
            if segment == "..":
                if output:
                    output.pop()
            elif segment not in ("", "."):
                output.append(segment)
        yield "/" + "/".join(output)


class TargetTests(IdentityTestCase):
    def ask(self, target, hosts=("open.example.com",), method="GET", fields=()):
        lines = [f"{method} {target} HTTP/1.1"] + [f"Host: {host}" for host in hosts]
        lines += [f"{name}: {value}" for name, value in fields] + ["Connection: close"]
        # A client that the allow route for addresses does not know.
        return self.raw("\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n", PEER, STRANGER)

    def test_no_spelling_of_a_path_leads_round_a_rule(self):
        for target, expected in TARGETS.items():
            with self.subTest(target):
                self.upstream.take()
                answer = self.ask(target)
                seen = [request.target for request in self.upstream.take()]
                if isinstance(expected, str):
                    self.assertEqual((answer.status, seen), (200, [expected]))
                else:
                    self.assertEqual((answer.status, seen), (expected, []))

    def test_what_is_forwarded_is_its_own_normal_form(self):
        for target in [value for value in TARGETS.values() if isinstance(value, str)]:
            with self.subTest(target):
                self.assertEqual(self.ask(target).status, 200)
                self.assertEqual(self.upstream.last().target, target)

    def test_random_spellings_never_reach_what_is_denied(self):
        pieces = [
            "open", "secret", "x", ".", "..", "%2e", "%2E%2e", "/", "//", "%2f", "%2F", "%73ecret", "ope%6e", "%25", "%252f", "%20",
            "%5c", "\\", "%00", "?", ";", "..;", "%3b", "%3f", "/open/", "/secret/", "/../", "/./", ".%2e/", "%c0%af", "%e2%80%ae",
        ]  # fmt: skip
        client = self.client(PEER, STRANGER)
        reached = 0
        for _ in range(2_000):
            target = "/" + "".join(self.random.choices(pieces, k=self.random.randrange(1, 9)))
            self.upstream.take()
            answer = client.get(target)
            self.assertIn(answer.status, (200, 400, 401, 403), target)
            for request in self.upstream.take():
                reached += 1
                path = request.target.split("?", 1)[0]
                self.assertRegex(path, r"\A/[!-\[\]-~]*\Z", target)
                self.assertNotIn("//", path, target)
                self.assertFalse({".", ".."} & set(path.split("/")), target)
                for reading in normalized_readings(request.target):
                    self.assertTrue(reading.startswith("/open"), (target, request.target, reading))
                    self.assertFalse(re.match(r"/open/secret/|/secret(/|\Z)", reading + "/" * path.endswith("/")), (target, reading))
        self.assertGreater(reached, 20, "the pieces no longer make paths that pass")

    def test_no_host_leads_round_a_rule(self):
        for name, (hosts, target, expected) in HOSTS.items():
            with self.subTest(name):
                self.upstream.take()
                answer = self.ask(target, hosts)
                expected = expected if isinstance(expected, tuple) else (expected,)
                self.assertIn(answer.status, expected, answer)
                requests = self.upstream.take()
                self.assertEqual(len(requests), 1 if answer.status == 200 else 0)
                for request in requests:
                    self.assertNotIn("admin", request.header("host").lower())

    def test_the_host_that_was_matched_is_the_host_that_is_forwarded(self):
        self.assertEqual(self.ask("http://Open.example.com:81/open/x", ["other.example.com"]).status, 200)
        seen = self.upstream.last()
        self.assertEqual((seen.header("host"), seen.header("x-forwarded-host")), ("Open.example.com:81",) * 2)
        self.assertEqual(seen.target, "/open/x")

    def test_headers_that_rewrite_the_request_are_not_believed_nor_passed_on(self):
        for name in (
            "X-Original-URL", "X-Original-URI", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Original-Method",
            "X-Forwarded-Method", "X-Forwarded-Scheme", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Ssl",
        ):  # fmt: skip
            with self.subTest(name):
                self.assertEqual(self.ask("/secret/x", fields=[(name, "/open/x")]).status, 403)
                self.assertEqual(self.ask("/x", fields=[(name, "/open/x")]).status, 401)
                self.assertEqual(self.ask("/open/x", fields=[(name, "/secret/x")]).status, 200)
                self.assertNotIn(name.lower(), self.upstream.last().names())
        for name in ("X-Forwarded-Host", "X-Host", "X-Forwarded-Server"):
            with self.subTest(name):
                self.assertEqual(self.ask("/open/x", ["admin.example.com"], fields=[(name, "open.example.com")]).status, 403)

    def test_methods_are_what_they_say(self):
        for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
            with self.subTest(method):
                overrides = [("X-HTTP-Method-Override", "GET"), ("X-HTTP-Method", "GET"), ("X-Method-Override", "GET")]
                self.assertEqual(self.ask("/open/x", method=method, fields=overrides).status, 401)
        for method in ("get", "Get", "GET\t", "G\x00T", "", "GET /secret/x", "GÉT"):
            with self.subTest(method):
                self.upstream.take()
                answer = self.ask("/open/x", method=method)
                self.assertIn(answer.status, (400, 401, 501), answer)
                self.assertEqual(self.upstream.take(), [])
        self.assertEqual(self.ask("open.example.com:443", method="CONNECT").status, 501)


if __name__ == "__main__":
    unittest.main()
