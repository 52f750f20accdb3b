"""What the tests of limits share: a route for each policy, floods over many connections, and reading `RateLimit`.

Rates of one a day or an hour make bursts exact: nothing comes back while a test runs.
"""

import itertools
import re

import protocol
from client import Client
from harness import TestCase, parallel

CONNECTIONS = 64


def from_client(address, *more):
    return [("X-Forwarded-For", address), *more]


class LimitsTestCase(TestCase):
    def serve(self, policies, routes=None):
        """A gateway with a route `/NAME/*` for each policy, a mapping of names to YAML."""
        self.upstream = self.start_upstream()
        lines = [f'upstreams: {{ app: {{ servers: ["{self.upstream.authority}"] }} }}', "routes:"]
        for name in policies:
            lines.append(f'  - {{ name: {name}, match: {{ path: "/{name}/*" }}, upstream: app, policy: {name} }}')
        lines += routes or []
        lines += ["policies:"] + [f"  {name}: {text}" for name, text in policies.items()]
        self.gateway = self.start_gateway("\n".join(lines))
        self.client = self.connect(self.gateway)

    def status(self, path, address="198.18.0.1", *more):
        return self.client.get(path, from_client(address, *more)).status

    def flood(self, count, path, headers):
        """The statuses of `count` requests over 64 kept connections; `headers(index)` are those of each."""
        clients = [Client(self.gateway.address) for _ in range(CONNECTIONS)]
        share = [range(start, count, CONNECTIONS) for start in range(CONNECTIONS)]

        def run(index):
            with clients[index] as client:
                return [client.get(path, headers(number)).status for number in share[index]]

        return list(itertools.chain.from_iterable(parallel(CONNECTIONS, run)))

    def admitted(self, path, headers, limit=10_000):
        """How many requests are admitted, one after the other, until one is not."""
        for count in range(limit):
            if self.client.get(path, headers).status != 200:
                return count
        raise AssertionError(f"{limit} requests and no end")

    def buy_pass(self, policy, address="198.18.0.1"):
        challenge = self.client.get(f"{protocol.CHALLENGE}?policy={policy}", from_client(address)).json()
        answer = protocol.redeem(self.client, challenge, protocol.solve(challenge), headers=from_client(address))
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["pass"]


def rate_limit(answer, field="ratelimit"):
    """`"free";r=2;t=60, "ceiling";r=5;t=1` as {"free": {"r": 2, "t": 60}, …}."""
    items = {}
    for item in answer.header(field).split(", "):
        match = re.fullmatch(r'"([a-z0-9-]+)"((?:;[a-z]+=[0-9]+)+)', item)
        assert match, f"not a list of items with parameters: {item}"
        items[match.group(1)] = {name: int(value) for name, value in re.findall(r";([a-z]+)=([0-9]+)", match.group(2))}
    return items
