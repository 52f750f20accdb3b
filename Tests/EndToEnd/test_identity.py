"""Whoever forges who they are, or what they ask for, gains nothing: a table of attempts, and what the upstream gets to see of each.

Peers are told apart by their loopback address: 127.0.0.1 is the trusted proxy, 127.0.0.2 an ordinary client.
"""

import json
import re
import socket
import struct
import unittest
import urllib.parse

import protocol
from client import Client, Violation, exchange
from harness import TestCase

PROXY, STRANGER = "127.0.0.1", "127.0.0.2"
VIP = "203.0.113.7"

CONFIG = """
    listeners:
      - {{ address: "127.0.0.1:0" }}
      - {{ address: "127.0.0.1:0", client: peer }}
      - {{ address: "127.0.0.1:0", client: {{ from: x-forwarded-for, trusted: ["127.0.0.1/32", "10.0.0.0/8", "2001:db8:ff::/48"] }} }}
      - {{ address: "127.0.0.1:0", client: {{ from: forwarded, trusted: ["127.0.0.1/32", "10.0.0.0/8"] }} }}
      - {{ address: "127.0.0.1:0", client: {{ from: "header:CF-Connecting-IP", trusted: ["127.0.0.1/32"] }} }}
      - {{ address: "127.0.0.1:0", client: {{ from: proxy-protocol, trusted: ["127.0.0.1/32"] }} }}
    upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
    routes:
      - {{ name: seen, match: {{ path: "/seen/*" }}, upstream: app, allow: true }}
      - {{ name: banned, match: {{ clients: ["192.0.2.0/24"] }}, deny: true }}
      - {{ name: vip, match: {{ path: "/vip/*", clients: ["203.0.113.7", "127.0.0.1"] }}, upstream: app, allow: true }}
      - {{ name: admin, match: {{ host: "admin.example.com" }}, deny: true }}
      - {{ name: tenants, match: {{ host: "*.tenants.example.com" }}, deny: true }}
      - {{ name: secret, match: {{ path: ["/secret", "/secret/*", "/open/secret/*"] }}, deny: true }}
      - {{ name: open, match: {{ path: "/open/*", methods: [GET, POST] }}, upstream: app, allow: true }}
      - {{ name: counted, match: {{ path: "/counted/*" }}, upstream: app, policy: counted }}
      - {{ name: rest, upstream: app, policy: paid }}
    policies:
      counted: {{ preset: api, free: {{ rate: 1/day, burst: 1 }}, ceiling: off }}
      paid: {{ preset: api, free: {{ rate: 0 }}, ceiling: off, work: {{ difficulty: 64, rounds: 1 }} }}
"""
DEFAULT, PEER, XFF, FORWARDED, HEADER, PROXY_PROTOCOL = range(6)

# Every header that some server or framework takes a client's address from.
ADDRESS_HEADERS = [
    "X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP", "X-True-Client-IP",
    "CF-Connecting-IP", "CF-Connecting-IPv6", "Fastly-Client-IP", "X-Cluster-Client-IP", "X-Forwarded", "Via", "From",
    "X-Original-Forwarded-For", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "X-Host", "Forwarded-For", "X-ProxyUser-Ip",
    "X_Forwarded_For", "X-FORWARDED-FOR", "x-forwarded-for",
]  # fmt: skip


class IdentityTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.upstream = self.start_upstream()
        self.gateway = self.start_gateway(CONFIG.format(upstream=self.upstream.authority))

    def client(self, listener=DEFAULT, source=PROXY):
        client = Client(self.gateway.addresses[listener], source=source)
        self.addCleanup(client.close)
        return client

    def raw(self, data, listener=DEFAULT, source=PROXY):
        """The one final response to these bytes, None if the server only closes."""
        answers = exchange(self.gateway.addresses[listener], data, source, half_close=False)
        self.assertLessEqual(len(answers), 1, "one request, several responses")
        return answers[0] if answers else None


# listener, peer, fields, the client that is meant
CLIENTS = {
    # A peer that is nobody's proxy is the client, whatever it says.
    **{
        f"a stranger sends {name}": (XFF, STRANGER, [(name, f"for={VIP}" if name == "Forwarded" else VIP)], STRANGER)
        for name in ADDRESS_HEADERS
    },
    "a stranger sends a list": (XFF, STRANGER, [("X-Forwarded-For", f"{VIP}, 10.0.0.1")], STRANGER),
    "a stranger names the proxy": (XFF, STRANGER, [("X-Forwarded-For", f"{VIP}, {PROXY}")], STRANGER),
    "a stranger to Forwarded": (FORWARDED, STRANGER, [("Forwarded", f"for={VIP}")], STRANGER),
    "a stranger to a header": (HEADER, STRANGER, [("CF-Connecting-IP", VIP)], STRANGER),
    "anyone to a listener that asks nobody": (PEER, PROXY, [("X-Forwarded-For", VIP)], PROXY),
    "a loopback peer of the default listener": (DEFAULT, STRANGER, [("X-Forwarded-For", VIP)], VIP),
    # A trusted proxy speaks for its client by the one header that is named.
    "nothing": (XFF, PROXY, [], PROXY),
    "one hop": (XFF, PROXY, [("X-Forwarded-For", VIP)], VIP),
    **{
        f"the proxy lets {name} through": (XFF, PROXY, [(name, f"for={VIP}" if name == "Forwarded" else VIP)], PROXY)
        for name in ADDRESS_HEADERS
        if name.lower() != "x-forwarded-for"
    },
    "a forged hop before": (XFF, PROXY, [("X-Forwarded-For", f"{VIP}, 198.51.100.1")], "198.51.100.1"),
    "many forged hops": (XFF, PROXY, [("X-Forwarded-For", f"{VIP}, " * 40 + "198.51.100.1")], "198.51.100.1"),
    "trusted hops behind": (XFF, PROXY, [("X-Forwarded-For", f"{VIP}, 198.51.100.1, 10.1.2.3, 10.9.9.9")], "198.51.100.1"),
    "a forged trusted hop before": (XFF, PROXY, [("X-Forwarded-For", f"{VIP}, 10.0.0.1, 198.51.100.1")], "198.51.100.1"),
    "forged in a line of its own": (
        XFF, PROXY, [("X-Forwarded-For", VIP), ("X-Forwarded-For", "198.51.100.1")], "198.51.100.1",
    ),
    "forged in a line of another spelling": (
        XFF, PROXY, [("x-forwarded-for", VIP), ("X-FORWARDED-FOR", "198.51.100.1")], "198.51.100.1",
    ),
    "trusted hops in a line of their own": (
        XFF, PROXY, [("X-Forwarded-For", f"{VIP}, 198.51.100.1"), ("X-Forwarded-For", "10.0.0.1")], "198.51.100.1",
    ),
    "lines that other fields stand between": (
        XFF, PROXY, [("X-Forwarded-For", VIP), ("X-Real-IP", VIP), ("X-Forwarded-For", "198.51.100.1")], "198.51.100.1",
    ),
    "only trusted hops": (XFF, PROXY, [("X-Forwarded-For", "10.0.0.1, 10.0.0.2")], "10.0.0.1"),
    "spaces and tabs": (XFF, PROXY, [("X-Forwarded-For", f" {VIP}\t,\t 198.51.100.1 \t")], "198.51.100.1"),
    "with a port": (XFF, PROXY, [("X-Forwarded-For", "198.51.100.1:4711")], "198.51.100.1"),
    "IPv6": (XFF, PROXY, [("X-Forwarded-For", "2001:DB8:0::9")], "2001:db8::9"),
    "IPv6 with a port": (XFF, PROXY, [("X-Forwarded-For", "[2001:db8::9]:4711")], "2001:db8::9"),
    "IPv6 in brackets": (XFF, PROXY, [("X-Forwarded-For", "[2001:db8::9]")], "2001:db8::9"),
    "IPv4 in IPv6": (XFF, PROXY, [("X-Forwarded-For", "::ffff:198.51.100.1")], "198.51.100.1"),
    "IPv4 in IPv6, hexadecimal": (XFF, PROXY, [("X-Forwarded-For", "::FFFF:c633:6401")], "198.51.100.1"),
    "a trusted hop as IPv4 in IPv6": (XFF, PROXY, [("X-Forwarded-For", "198.51.100.1, ::ffff:10.0.0.1")], "198.51.100.1"),
    "a trusted hop in IPv6": (XFF, PROXY, [("X-Forwarded-For", "198.51.100.1, 2001:db8:ff::1")], "198.51.100.1"),
    # A hop that does not parse ends the walk at the last trusted one.
    **{
        f"the hop {junk!r}": (XFF, PROXY, [("X-Forwarded-For", f"{VIP}, {junk}, 10.0.0.1")], "10.0.0.1")
        for junk in [
            "junk", "unknown", "_hidden", "", "203.0.113.007", "203.0.113.256", "203.0.113", "0x7f.0.0.1", "3405803783",
            "203.0.113.7 198.51.100.1", "203.0.113.7:", "203.0.113.7:port", "203.0.113.7:123456", "203.0.113.7/32",
            "2001:db8::9:::", "fe80::1%eth0", "[2001:db8::9", "2001:db8::9]", "[203.0.113.7", "\"203.0.113.7\"", "for=203.0.113.7",
            "localhost", "::ffff:203.0.113.7.1", "203.0.113.7;", "١.1.1.1".encode().decode("latin-1"), "+203.0.113.7", "-",
        ]
    },
    "junk only": (XFF, PROXY, [("X-Forwarded-For", "junk")], PROXY),
    "an empty field": (XFF, PROXY, [("X-Forwarded-For", "")], PROXY),
    "a comma at the end": (XFF, PROXY, [("X-Forwarded-For", f"{VIP},")], PROXY),
    "commas": (XFF, PROXY, [("X-Forwarded-For", ",,,")], PROXY),
    "an empty line behind": (XFF, PROXY, [("X-Forwarded-For", VIP), ("X-Forwarded-For", "")], PROXY),
    # RFC 7239
    "Forwarded": (FORWARDED, PROXY, [("Forwarded", "for=198.51.100.1;proto=https;by=10.0.0.1")], "198.51.100.1"),
    "Forwarded, capitals": (FORWARDED, PROXY, [("Forwarded", "By=10.0.0.1; FOR=198.51.100.1")], "198.51.100.1"),
    "Forwarded, IPv6": (FORWARDED, PROXY, [("Forwarded", 'for="[2001:db8::9]:4711"')], "2001:db8::9"),
    "Forwarded, forged before": (FORWARDED, PROXY, [("Forwarded", f"for={VIP}, for=198.51.100.1, for=10.0.0.1")], "198.51.100.1"),
    "Forwarded, forged line": (FORWARDED, PROXY, [("Forwarded", f"for={VIP}"), ("Forwarded", "for=198.51.100.1")], "198.51.100.1"),
    "Forwarded, an open quote before": (FORWARDED, PROXY, [("Forwarded", f'for="{VIP}, for=198.51.100.1')], "198.51.100.1"),
    "Forwarded, two in one": (FORWARDED, PROXY, [("Forwarded", f"for=198.51.100.1;for={VIP}")], PROXY),
    "Forwarded, unknown": (FORWARDED, PROXY, [("Forwarded", f"for={VIP}, for=unknown")], PROXY),
    "Forwarded, hidden": (FORWARDED, PROXY, [("Forwarded", f"for={VIP}, for=_hidden, for=10.0.0.1")], "10.0.0.1"),
    "Forwarded, nothing": (FORWARDED, PROXY, [("Forwarded", "proto=https")], PROXY),
    "Forwarded, and the other header": (FORWARDED, PROXY, [("X-Forwarded-For", VIP)], PROXY),
    # The header of a CDN holds one address, once.
    "a header": (HEADER, PROXY, [("CF-Connecting-IP", "198.51.100.1")], "198.51.100.1"),
    "a header with a list": (HEADER, PROXY, [("CF-Connecting-IP", f"{VIP}, 198.51.100.1")], PROXY),
    "a header twice": (HEADER, PROXY, [("CF-Connecting-IP", VIP), ("CF-Connecting-IP", "198.51.100.1")], PROXY),
    "a header that is junk": (HEADER, PROXY, [("CF-Connecting-IP", "junk")], PROXY),
    "a header, and another": (HEADER, PROXY, [("X-Forwarded-For", VIP)], PROXY),
}  # fmt: skip


class ClientTests(IdentityTestCase):
    def test_the_client_is_whom_the_listeners_one_source_names(self):
        for name, (listener, source, fields, expected) in CLIENTS.items():
            with self.subTest(name):
                answer = self.client(listener, source).get("/seen/x", fields)
                self.assertEqual(answer.status, 200, answer)
                forwarded = self.upstream.last().header("x-forwarded-for")
                # The client first, then the hops that were believed, the peer last.
                self.assertEqual(forwarded.split(", ")[0], expected)
                self.assertEqual(forwarded.split(", ")[-1], source)

    def test_a_chain_without_end_is_not_walked_without_end(self):
        chain = ", ".join([VIP] + ["10.0.0.1"] * 2_000)
        answer = self.client(XFF).get("/seen/x", [("X-Forwarded-For", chain)])
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.upstream.last().header("x-forwarded-for").split(", ")[0], "10.0.0.1")

    def test_forging_buys_no_second_quota_and_no_way_in(self):
        client = self.client(XFF, STRANGER)
        self.assertEqual(client.get("/counted/x").status, 200)
        for number, name in enumerate(ADDRESS_HEADERS):
            with self.subTest(name):
                value = f"198.51.100.{number + 1}"
                value = f"for={value}" if name == "Forwarded" else value
                self.assertEqual(client.get("/counted/x", [(name, value)]).status, 429)
                self.assertEqual(client.get("/counted/x", [("Connection", name), (name, value)]).status, 429)
                value = f"for={VIP}" if name == "Forwarded" else VIP
                self.assertEqual(client.get("/vip/x", [(name, value)]).status, 401)
        self.assertEqual(self.upstream.count(), 1)

    def test_who_is_banned_stays_banned(self):
        client = self.client(XFF)
        banned = ("X-Forwarded-For", "192.0.2.9")
        for name in ADDRESS_HEADERS:
            if name.lower() == "x-forwarded-for":
                continue
            with self.subTest(name):
                self.assertEqual(client.get("/vip/x", [(name, VIP), banned]).status, 403)
        for spelling in ("192.0.2.9:80", "::ffff:192.0.2.9", "::ffff:c000:209", f"{VIP}, 192.0.2.9", "192.0.2.9, 10.0.0.1"):
            with self.subTest(spelling):
                self.assertEqual(client.get("/vip/x", [("X-Forwarded-For", spelling)]).status, 403)

    def test_the_same_client_in_all_spellings_has_one_quota(self):
        client = self.client(XFF)
        self.assertEqual(client.get("/counted/x", [("X-Forwarded-For", "2001:db8::1")]).status, 200)
        for spelling in ("2001:DB8::1", "2001:0db8:0::1", "[2001:db8::1]:1", "2001:db8:0:0:ffff::", "2001:db8::192.0.2.1"):
            with self.subTest(spelling):
                self.assertEqual(client.get("/counted/x", [("X-Forwarded-For", spelling)]).status, 429)

    def test_only_trusted_peers_say_the_request_id_the_scheme_and_the_host(self):
        fields = [("X-Request-Id", "from-outside"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "public.example.com")]
        for source, believed in ((PROXY, True), (STRANGER, False)):
            with self.subTest(source):
                client = self.client(XFF, source)
                answer = client.get("/seen/x", fields)
                seen = self.upstream.last()
                self.assertEqual(answer.header("x-request-id") == "from-outside", believed)
                self.assertEqual(seen.header("x-request-id"), answer.header("x-request-id"))
                self.assertEqual(seen.header("x-forwarded-proto"), "https" if believed else "http")
                self.assertEqual(seen.header("x-forwarded-host"), "public.example.com" if believed else client.authority)
                challenge = client.get(f"{protocol.CHALLENGE}?policy=paid", fields).json()
                cookie = protocol.redeem(client, challenge, protocol.solve(challenge), headers=fields).header("set-cookie")
                self.assertEqual(cookie.startswith("__Host-"), believed)

    def test_a_request_id_that_could_break_something_is_replaced(self):
        client = self.client(XFF)
        for value in ("", " ", "a b", 'a"b', "a<b", "a,b", "x" * 129, "é", "a/b", "a%0ab"):
            with self.subTest(value):
                answer = client.get("/secret", [("X-Request-Id", value)])
                self.assertNotEqual(answer.header("x-request-id"), value)
                self.assertRegex(answer.header("x-request-id"), r"\A[0-9a-f]{32}\Z")
                self.assertEqual(answer.json()["instance"], answer.header("x-request-id"))


class ProxyProtocolTests(IdentityTestCase):
    REQUEST = b"GET /seen/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"

    def seen(self, data, source=PROXY):
        """The client that the upstream is told of, None where the request does not get there."""
        self.upstream.take()
        self.raw(data, PROXY_PROTOCOL, source)
        requests = self.upstream.take()
        self.assertLessEqual(len(requests), 1)
        return requests[0].header("x-forwarded-for").split(", ")[0] if requests else None

    @staticmethod
    def version2(source, command=1, family=0x11, tail=b""):
        addresses = socket.inet_aton(source) + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 1, 2) + tail
        return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, family]) + struct.pack(">H", len(addresses)) + addresses

    def test_the_proxy_announces_its_client(self):
        line = f"PROXY TCP4 198.51.100.1 10.0.0.1 4711 80\r\n".encode()
        request = self.REQUEST + b"\r\n"
        self.assertEqual(self.seen(line + request), "198.51.100.1")
        self.assertEqual(self.seen(b"PROXY TCP6 2001:db8::9 2001:db8::1 1 2\r\n" + request), "2001:db8::9")
        self.assertEqual(self.seen(b"PROXY UNKNOWN\r\n" + request), PROXY)
        self.assertEqual(self.seen(self.version2("198.51.100.1") + request), "198.51.100.1")
        self.assertEqual(self.seen(self.version2("198.51.100.1", tail=b"\x04\0\1x") + request), "198.51.100.1")
        self.assertEqual(self.seen(self.version2("198.51.100.1", command=0) + request), PROXY)
        # What the client writes itself does not count.
        self.assertEqual(self.seen(line + self.REQUEST + f"X-Forwarded-For: {VIP}\r\n\r\n".encode()), "198.51.100.1")

    def test_nobody_else_announces_anything(self):
        request = self.REQUEST + b"\r\n"
        for header in (f"PROXY TCP4 {VIP} 10.0.0.1 4711 80\r\n".encode(), self.version2(VIP)):
            self.assertIn(self.seen(header + request, STRANGER), (None, STRANGER))
        self.assertEqual(self.seen(request, STRANGER), STRANGER)

    def test_a_second_announcement_is_the_clients_and_is_refused(self):
        line = b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 80\r\n"
        forged = f"PROXY TCP4 {VIP} 10.0.0.1 4711 80\r\n".encode()
        self.assertIsNone(self.seen(line + forged + self.REQUEST + b"\r\n"))
        self.assertIsNone(self.seen(line + self.version2(VIP) + self.REQUEST + b"\r\n"))

    def test_a_trusted_peer_without_an_announcement_is_closed(self):
        self.assertIsNone(self.seen(self.REQUEST + b"\r\n"))
        for broken in (
            b"PROXY TCP4 198.51.100.1\r\n", b"PROXY TCP4 1.2.3.4.5 10.0.0.1 1 2\r\n", b"PROXY TCP4 2001:db8::1 10.0.0.1 1 2\r\n",
            b"PROXY  TCP4 198.51.100.1 10.0.0.1 1 2\r\n", b"PROXY TCP4 198.51.100.1 10.0.0.1 1 99999\r\n", b"PROXY \n",
            b"PROXY TCP4 " + b"1" * 200, b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c" + bytes(12), b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04" + bytes(4),
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        ):  # fmt: skip
            with self.subTest(broken):
                self.assertIsNone(self.seen(broken + self.REQUEST + b"\r\n"))


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
        self.assertGreater(reached, 50, "the pieces no longer make paths that pass")

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
