"""Whoever forges who they are gains nothing: a table of attempts, and whom the upstream is told of."""

import socket
import struct
import unittest

import protocol
from identity_case import (
    ADDRESS_HEADERS,
    DEFAULT,
    FORWARDED,
    HEADER,
    PEER,
    PROXY,
    PROXY_PROTOCOL,
    STRANGER,
    VIP,
    XFF,
    IdentityTestCase,
)

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


if __name__ == "__main__":
    unittest.main()
