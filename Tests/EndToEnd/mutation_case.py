"""What the tests with broken input share: policies whose quotas can be asked, and many connections to send from."""

import collections
import re

import protocol
from client import Client, Closed, Violation
from harness import TestCase, parallel

CONFIG = """
    upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
    probes: {{ address: "127.0.0.1:0" }}
    limits: {{ headerTimeout: 2s, bodyIdleTimeout: 2s }}
    routes:
      - {{ name: free, match: {{ path: "/free/*" }}, upstream: app, allow: true }}
      - {{ name: api, match: {{ path: "/api/*" }}, upstream: app, policy: api }}
      - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
    policies:
      api: {{ preset: api, free: [{{ rate: 1/hour, burst: 100000 }}, {{ key: all, rate: 1/hour, burst: 1000000 }}], ceiling: off,
             work: {{ difficulty: 64, rounds: 4, grants: 1000000 }} }}
      paid: {{ preset: api, free: {{ rate: 0 }}, ceiling: off, work: {{ difficulty: 64, rounds: 4, grants: 1000000, ttl: 1h, challengeTtl: 1h }} }}
"""
WORKERS = 8
HOME = "198.18.0.1"


class MutationTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.upstream = self.start_upstream()
        self.gateway = self.start_gateway(CONFIG.format(upstream=self.upstream.authority))
        self.client = self.connect(self.gateway)
        self.statuses = collections.Counter()

    def tearDown(self):
        self.assertTrue(self.gateway.is_running(), list(self.gateway.lines)[-10:])
        # Nothing of what has come is worth more than a debug message, and none of it an alarm.
        alarms = [line for line in self.gateway.lines if line.get("level") in ("error", "critical")]
        self.assertEqual(alarms, [])
        with Client(self.gateway.probes) as probe:
            self.assertEqual((probe.get("/healthz").status, probe.get("/readyz").status), (200, 200))

    def challenge(self, policy="paid", address=HOME, client=None):
        headers = [("X-Forwarded-For", address)]
        return (client or self.client).get(f"{protocol.CHALLENGE}?policy={policy}", headers).json()

    def left(self, name, path="/api/x", headers=()):
        """What the RateLimit field says is left, after a request that costs one."""
        answer = self.client.get(path, [("X-Forwarded-For", HOME), *headers])
        self.assertEqual(answer.status, 200, answer)
        return int(re.search(rf'"{name}";r=([0-9]+)', answer.header("ratelimit")).group(1))

    def share(self, items, send):
        """`send(client, item)` for each, from kept connections; counts the statuses."""

        def run(worker):
            count = collections.Counter()
            with Client(self.gateway.address) as client:
                for item in items[worker::WORKERS]:
                    try:
                        status = send(client, item).status
                    except (Violation, Closed, ConnectionResetError) as error:
                        raise AssertionError(f"{type(error).__name__} {error} for {item!r}") from error
                    if not status < 500:
                        raise AssertionError(f"{status} for {item!r}")
                    count[status] += 1
            return count

        for count in parallel(WORKERS, run):
            self.statuses += count
        return self.statuses
