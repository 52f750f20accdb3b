"""What the tests of identity share: listeners that find their clients in every way, and routes worth a forgery.

Peers are told apart by their loopback address: 127.0.0.1 is the trusted proxy, 127.0.0.2 an ordinary client.
"""

from client import Client, exchange
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
