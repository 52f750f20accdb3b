"""`tollgate verify-cluster`: says of a cluster that its promises hold, and of nodes that are none what does not."""

import unittest

from cluster_case import ClusterCase
from operator_case import OperatorCase, run

SETTINGS = """
upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
routes:
  - {{ name: let, match: {{ path: "/let" }}, upstream: app, allow: true }}
  - {{ name: strong, match: {{ path: "/strong" }}, upstream: app, policy: strong }}
  - {{ name: escrow, upstream: app, policy: escrow }}
policies:
  strong: {{ preset: strict, work: {{ difficulty: 1000, rounds: 4, grants: 25 }} }}
  escrow: {{ preset: api, free: {{ rate: 60/min, burst: 60 }}, work: {{ difficulty: 1000, rounds: 4, grants: 60 }} }}
"""
CLIENT = "198.18.7.7"


def authority(gateway):
    return "{}:{}".format(*gateway.address)


class ClusterTests(ClusterCase):
    def setUp(self):
        super().setUp()
        self.settings = SETTINGS.format(upstream=self.upstream.authority)

    def verify(self, nodes, path, *arguments, client=CLIENT, environment=None):
        urls = [f"http://{authority(node)}{path}" for node in nodes]
        return run("verify-cluster", "--client", client, *arguments, *urls, environment=environment)

    def test_a_cluster_holds_what_it_promises(self):
        nodes = list(self.start_cluster())
        for path, policy, client in (("/strong", "strong", CLIENT), ("/", "escrow", "198.18.7.8")):
            result = self.verify(nodes, path, "--policy", policy, client=client)
            self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
            self.assertRegex(result.stdout, r"(?m)^limits +HOLDS +\d+ of \d+ requests came through 3 nodes in ")
            self.assertRegex(result.stdout, r"(?m)^spend once +HOLDS +3 solutions, handed in 27 times, bought 3 passes$")
            self.assertRegex(result.stdout, r"(?m)^passes +HOLDS +(25|60) of \d+ requests at 3 nodes were paid by a pass for \1$")

    def test_the_admin_interface_tells_the_figures(self):
        nodes = list(self.start_cluster())
        told = {"TOLLGATE_ADMIN": nodes[1].admin}
        result = self.verify(nodes, "/strong", "--policy", "strong", environment=told)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
        self.assertIn("bursts of 5, strong)", result.stdout)

    def test_what_keeps_it_from_the_end_is_said(self):
        nodes = list(self.start_cluster())
        result = self.verify(nodes, "/let", "--policy", "strong", "--seconds", "2")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"(?m)^limits +NOT SHOWN +/let is not charged to free limits")
        self.assertRegex(result.stdout, r"(?m)^spend once +HOLDS ")
        self.assertRegex(result.stdout, r"(?m)^passes +NOT SHOWN +/let takes no pass of this policy")
        self.assertIn("NOT SHOWN", self.verify(nodes, "/", "--policy", "none").stdout)
        result = self.verify(nodes, "/", "--policy", "escrow", "--requests", "20")
        self.assertRegex(result.stdout, r"(?m)^limits +NOT SHOWN .*raise --requests")
        self.assertRegex(result.stdout, r"(?m)^passes +NOT SHOWN +a pass grants 60 requests: raise --requests")
        nodes[2].kill()
        result = self.verify(nodes, "/", "--policy", "escrow", client="198.18.7.9")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"(?m)^limits +NOT SHOWN .*cannot connect to ")


class StrangersTests(OperatorCase):
    def test_nodes_that_are_no_cluster_are_found_out(self):
        gateways = []
        for _ in range(3):
            self.serve("{ p: { preset: api, free: { rate: 6/min, burst: 20 }, work: { difficulty: 1000, rounds: 4 } } }")
            gateways.append(self.gateway)
        urls = [f"http://{authority(gateway)}/x" for gateway in gateways]
        # Over loopback it is a client of its own, whom nobody has seen before.
        result = run("verify-cluster", *urls)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertRegex(result.stdout, r"(?m)^limits +BROKEN +6\d of \d+ requests came through 3 nodes .*by itself$")
        self.assertRegex(result.stdout, r"(?m)^spend once +BROKEN .* answered 4.*does it belong to the same cluster")

    def test_the_command_line_is_checked(self):
        for arguments in ((), ("ftp://a",), ("--requests", "0", "http://a"), ("--client", "x", "http://a"), ("http://a",) * 17):
            self.assertEqual(run("verify-cluster", *arguments).returncode, 64, arguments)
        result = run("verify-cluster", "--seconds", "1", "http://127.0.0.1:9/")
        self.assertEqual(result.returncode, 1)
        self.assertIn("NOT SHOWN", result.stdout)


if __name__ == "__main__":
    unittest.main()
