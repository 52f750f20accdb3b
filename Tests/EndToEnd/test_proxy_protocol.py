"""The PROXY protocol: a trusted peer announces its client before the first byte of HTTP; nobody else can."""

import ipaddress
import struct
import unittest

from proxy_case import ProxyCase, expect_end

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version2(command=1, family=0x11, source="192.0.2.7", destination="192.0.2.1", attached=b"", version=2):
    """A header of version 2."""
    if family >> 4 in (1, 2):
        addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
        payload = addresses + struct.pack(">HH", 40_000, 443)
    else:
        payload = b"" if family >> 4 == 0 else bytes(216)
    payload += attached
    return SIGNATURE + bytes([version << 4 | command, family]) + struct.pack(">H", len(payload)) + payload


GOOD = {
    "version 1, IPv4": (b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 443\r\n", "192.0.2.7"),
    "version 1, IPv6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", "2001:db8::7"),
    "version 1, unknown": (b"PROXY UNKNOWN\r\n", None),
    "version 1, unknown with more": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    "version 2, IPv4": (version2(), "192.0.2.7"),
    "version 2, IPv6": (version2(family=0x21, source="2001:db8::7", destination="2001:db8::1"), "2001:db8::7"),
    "version 2, its own check": (version2(command=0, family=0), None),
    "version 2, of no family": (version2(family=0), None),
    "version 2, a Unix socket": (version2(family=0x31), None),
    "version 2, with more attached": (version2(attached=b"\x04\x00\x10" + bytes(16)), "192.0.2.7"),
    "version 2, with much attached": (version2(attached=bytes(3_000)), "192.0.2.7"),
}

BAD = {
    "none": b"",
    "version 1, no addresses": b"PROXY TCP4\r\n",
    "version 1, another family": b"PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n",
    "version 1, IPv6 as IPv4": b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
    "version 1, not an address": b"PROXY TCP4 192.0.2.300 192.0.2.1 1 2\r\n",
    "version 1, a name": b"PROXY TCP4 localhost 192.0.2.1 1 2\r\n",
    "version 1, a bad port": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n",
    "version 1, two spaces": b"PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n",
    "version 1, one word more": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
    "version 1, bare LF": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n",
    "version 1, too long": b"PROXY UNKNOWN " + b"a" * 200 + b"\r\n",
    "version 1, small letters": b"proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
    "version 1, after an empty line": b"\r\nPROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
    "version 2, another version": version2(version=3),
    "version 2, another command": version2(command=2),
    "version 2, another family": version2(family=0x51),
    "version 2, too short for its family": SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
    "version 2, IPv6 too short": SIGNATURE + b"\x21\x21\x00\x0c" + bytes(12),
    "version 2, too long": SIGNATURE + b"\x21\x11\xff\xff" + bytes(65_535),
    "version 2, a broken signature": b"\r\n\r\n\0\r\nQUIT\r" + version2()[12:],
    "version 2, twice": version2() + version2(),
    "version 1, twice": b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n" * 2,
}

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"


class ProxyProtocol(ProxyCase):
    def setUp(self):
        super().setUp()
        self.upstream = self.scripted()
        self.gateway = self.proxy(
            self.upstream, client="{ from: proxy-protocol, trusted: [loopback] }", limits="headerTimeout: 2s"
        )

    def announced(self):
        """What the upstream was told of the last request's client."""
        return self.upstream.requests[-1].one("x-forwarded-for")

    def test_the_client_is_the_one_announced(self):
        for name, (header, address) in GOOD.items():
            with self.subTest(name):
                client = self.connect(self.gateway)
                client.send(header + REQUEST)
                self.assertEqual(client.read_response().status, 200)
                self.assertEqual(self.announced(), f"{address}, 127.0.0.1" if address else "127.0.0.1")
                # It holds for the whole connection, and a second header would be HTTP, and bad.
                client.send(REQUEST)
                self.assertEqual(client.read_response().status, 200)
                self.assertEqual(self.announced(), f"{address}, 127.0.0.1" if address else "127.0.0.1")

    def test_a_header_may_come_in_pieces(self):
        for name in ["version 1, IPv4", "version 1, unknown", "version 2, IPv6", "version 2, with more attached"]:
            with self.subTest(name):
                header, address = GOOD[name]
                client = self.connect(self.gateway)
                for byte in header + REQUEST:
                    client.send(bytes([byte]))
                self.assertEqual(client.read_response().status, 200)
                self.assertEqual(self.announced(), f"{address}, 127.0.0.1" if address else "127.0.0.1")

    def test_a_header_that_is_none_closes_the_connection(self):
        for name, header in BAD.items():
            with self.subTest(name):
                client = self.connect(self.gateway)
                client.send(header + REQUEST)
                answer = expect_end(client)
                # After a whole header, a second one is a malformed request; all else gets no answer at all.
                self.assertEqual(answer[:12], b"HTTP/1.1 400" if name.endswith("twice") else b"")
        self.assertEqual(self.upstream.requests, [])

    def test_a_header_that_does_not_come_closes_the_connection(self):
        for name, begin in [("nothing", b""), ("half of version 1", b"PROXY TCP4 192."), ("half of version 2", SIGNATURE)]:
            with self.subTest(name):
                client = self.connect(self.gateway)
                client.send(begin)
                answer = expect_end(client)
                self.assertIn(answer[:12], (b"", b"HTTP/1.1 408"))
        self.assertEqual(self.upstream.requests, [])

    def test_a_stranger_cannot_announce_anybody(self):
        gateway = self.proxy(self.upstream, client='{ from: proxy-protocol, trusted: ["127.0.0.9"] }')
        for name, (header, _) in GOOD.items():
            with self.subTest(name):
                client = self.connect(gateway)
                client.send(header + REQUEST)
                self.assertEqual(client.read_response().status, 400)
        self.assertEqual(self.upstream.requests, [])
        # Without a header it is its own client; who is trusted speaks for others.
        client = self.connect(gateway)
        client.send(REQUEST)
        self.assertEqual(client.read_response().status, 200)
        self.assertEqual(self.announced(), "127.0.0.1")
        trusted = self.connect(gateway, source="127.0.0.9")
        trusted.send(version2() + REQUEST)
        self.assertEqual(trusted.read_response().status, 200)
        self.assertEqual(self.announced(), "192.0.2.7, 127.0.0.9")

    def test_other_listeners_take_no_announcement(self):
        gateway = self.proxy(self.upstream)
        for header in (GOOD["version 1, IPv4"][0], version2()):
            client = self.connect(gateway)
            client.send(header + REQUEST)
            self.assertEqual(client.read_response().status, 400)
        self.assertEqual(self.upstream.requests, [])


if __name__ == "__main__":
    unittest.main()
