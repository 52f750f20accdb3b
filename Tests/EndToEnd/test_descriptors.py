"""A node's file descriptors: too few are said at the start, and of just enough nobody takes those that it needs itself."""

import re
import socket
import textwrap
import unittest

from harness import Gateway
from operator_case import OperatorCase, run

CROWD = 100


class DescriptorTests(OperatorCase):
    def gateway_of(self, limit):
        """A gateway that may have so many, not started yet."""
        self.upstream = self.start_upstream()
        gateway = Gateway(
            textwrap.dedent(f"""
                upstreams: {{ app: {{ servers: ["{self.upstream.authority}"] }} }}
                routes: [{{ name: api, match: {{ path: "/*" }}, upstream: app, policy: p }}]
                policies: {{ p: {{ free: {{ rate: 60/min }}, work: {{ difficulty: 64, rounds: 4 }} }} }}
                admin: {{ address: "unix:{self.socket_path()}" }}
                probes: {{ address: "127.0.0.1:0" }}
            """)
        )
        gateway.prefix = ["sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh"]
        self.addCleanup(gateway.stop)
        return gateway

    def refused(self, limit):
        """How many the program says that it needs."""
        gateway = self.gateway_of(limit)
        gateway.launch()
        self.assertEqual(gateway.wait_exit(), 1)
        gateway.wait_for(lambda lines: any("error: " in line["message"] for line in lines))
        said = next(line["message"] for line in gateway.lines if "error: " in line["message"])
        match = re.search(rf"may have {limit} file descriptors, and .* needs (\d+),.*LimitNOFILE", said)
        self.assertTrue(match, said)
        return int(match.group(1))

    def crowd(self, address):
        for _ in range(CROWD):
            connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
            self.addCleanup(connection.close)
            connection.settimeout(30)
            connection.connect(address.removeprefix("unix:") if isinstance(address, str) else address)

    def test_too_few_are_an_error(self):
        needed = {self.refused(limit) for limit in (20, 32, 48)}
        self.assertEqual(len(needed), 1)
        self.assertEqual(self.refused(needed.pop() - 1), self.refused(48))

    def test_just_enough_are_enough_whoever_connects(self):
        gateway = self.gateway_of(self.refused(48))
        gateway.start()
        with self.connect(gateway) as client:
            self.assertEqual(client.get("/").status, 200)
        for address in (gateway.address, gateway.probes, gateway.admin):
            self.crowd(address)
        # It writes a file, renames it and makes the folder durable.
        said = run("cluster", "compact", "--admin", gateway.admin)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertTrue(gateway.is_running())


if __name__ == "__main__":
    unittest.main()
