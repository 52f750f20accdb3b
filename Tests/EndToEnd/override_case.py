"""What the tests of overrides and quotas share: three nodes, a strong and an escrow policy, and what an operator asks of them.

Rates of one a day make bursts exact: nothing comes back while a test runs.
"""

import json
import urllib.parse

from client import Client
from clients import client_address
from cluster_case import ClusterCase
from operator_case import run

BURST = 10
#: So large that a slice is less than a half of it.
ESCROW_BURST = 400
SETTINGS = """
upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
routes:
  - {{ name: escrow, match: {{ path: "/escrow/*" }}, upstream: app, policy: escrow }}
  - {{ name: networks, match: {{ path: "/networks/*" }}, upstream: app, policy: networks }}
  - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
  - {{ name: strong, match: {{ path: "/*" }}, upstream: app, policy: strong }}
policies:
  strong:
    preset: api
    consistency: strong
    free: [{{ rate: 1/day, burst: {burst} }}, {{ key: "header:X-Api-Key", rate: 1/day, burst: {burst} }}]
    ceiling: {{ key: all, rate: 1000/s, burst: 100000 }}
    work: {{ difficulty: 64, rounds: 1, grants: 20 }}
  escrow:
    preset: api
    free: {{ rate: 1/day, burst: {escrow_burst} }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1, grants: 20 }}
  networks:
    preset: api
    free: {{ key: "client/24,/48", rate: 1/day, burst: {burst} }}
    ceiling: off
  paid:
    preset: api
    consistency: strong
    free: {{ rate: 0 }}
    ceiling: {{ rate: 1/day, burst: 1000 }}
    work: {{ difficulty: 64, rounds: 1, grants: 20 }}
"""


def place(kind, policy, key):
    return f"/v1/{kind}/{policy}/{urllib.parse.quote(key, safe='')}"


class OverrideCase(ClusterCase):
    def setUp(self):
        super().setUp()
        self.settings = SETTINGS.format(upstream=self.upstream.authority, burst=BURST, escrow_burst=ESCROW_BURST)

    def start(self):
        """Three nodes, each of which knows that the others know labels and resets."""
        nodes = list(self.start_cluster())
        for node in nodes:
            self.cluster.wait_until(lambda: (node.status() or {}).get("ledger_version", 0) >= 2, f"{node.name} is of version 2")
        return nodes

    def ask(self, node, method, path, value=None, *fields):
        """What its admin interface answers."""
        body = None if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
        headers = [*fields] if body is None else [("Content-Type", "application/json"), *fields]
        with Client(node.admin, timeout=30) as client:
            return client.request(method, path, headers, body)

    def override(self, node, method, number, value=None, *fields, policy="strong"):
        """An override of a client's; 200 is expected."""
        answer = self.ask(node, method, place("overrides", policy, client_address(number)), value, *fields)
        self.assertEqual(answer.status, 200, answer)
        return answer

    def quota(self, node, number, policy="strong"):
        answer = self.ask(node, "GET", place("quotas", policy, client_address(number)))
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def drain(self, node, number, path="/x", most=1_000):
        """Asks until it is refused; how often it was let through."""
        for count in range(most):
            answer = self.get(node, path, number)
            if answer.status != 200:
                self.assertEqual(answer.status, 429, answer)
                return count
        self.fail(f"{most} requests were let through")

    def tollgate(self, node, *arguments):
        return run(*arguments, environment={"TOLLGATE_ADMIN": node.admin})

    def done(self, node, *arguments):
        """What it says of its success."""
        done = self.tollgate(node, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{arguments}\n{done.stdout}\n{node.log()}")
        return done.stdout

    def fails(self, node, *arguments):
        """What it says of its failure."""
        done = self.tollgate(node, *arguments)
        self.assertEqual((done.returncode, done.stdout), (1, ""), f"{arguments}\n{done.stderr}")
        return done.stderr
