"""Nothing that a gateway does for requests needs a right that an ordinary user lacks."""

import os
import unittest

import protocol
from harness import TestCase

# What Debian calls nobody.
NOBODY = 65_534


class UserTests(TestCase):
    def test_an_ordinary_user_serves_as_root_does(self):
        upstream = self.start_upstream()
        gateway = self.start_gateway(
            f"""
            listeners: [{{ address: "127.0.0.1:0" }}, {{ address: "127.0.0.1:0", check: nginx }}]
            probes: {{ address: "127.0.0.1:0" }}
            upstreams: {{ app: {{ servers: ["{upstream.authority}"] }} }}
            routes: [{{ name: all, match: {{ path: "/*" }}, upstream: app, policy: api }}]
            policies: {{ api: {{ preset: api, free: {{ rate: 1/day, burst: 2 }}, work: {{ difficulty: 256, rounds: 2, grants: 10 }} }} }}
            """,
            # Started by an ordinary user it is one already.
            user=NOBODY if os.geteuid() == 0 else None,
        )
        with open(f"/proc/{gateway.pid}/status", encoding="ascii") as status:
            users = next(line for line in status if line.startswith("Uid:")).split()[1:]
        self.assertNotIn("0", users)
        client = self.connect(gateway)
        self.assertEqual([client.get("/").status for _ in range(3)], [200, 200, 429])
        challenge = client.get(protocol.CHALLENGE).json()
        answer = protocol.redeem(client, challenge, protocol.solve(challenge))
        self.assertEqual(answer.status, 200)
        self.assertEqual(client.request("GET", "/", [("PoW-Pass", answer.json()["pass"])]).status, 200)
        self.assertEqual(upstream.count(), 3)


if __name__ == "__main__":
    unittest.main()
