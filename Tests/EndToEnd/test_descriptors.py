"""A node's file descriptors: too few are said at the start, and of just enough nobody takes those that it needs itself."""

import re
import socket
import textwrap
import unittest

from harness import Gateway
from operator_case import OperatorCase, run

CROWD = 100


class DescriptorTests(OperatorCase):
    def configuration(self, upstreams=1):
        upstream = f'{{ servers: ["{self.upstream.authority}"] }}'
        named = ", ".join([f"app: {upstream}", *(f"more{number}: {upstream}" for number in range(1, upstreams))])
        return textwrap.dedent(f"""
            upstreams: {{ {named} }}
            routes: [{{ name: api, match: {{ path: "/*" }}, upstream: app, policy: p }}]
            policies: {{ p: {{ free: {{ rate: 60/min }}, work: {{ difficulty: 64, rounds: 4 }} }} }}
            admin: {{ address: "unix:{self.admin}" }}
            probes: {{ address: "127.0.0.1:0" }}
        """)

    def gateway_of(self, limit):
        """A gateway that may have so many, not started yet."""
        self.upstream = self.start_upstream()
        self.admin = self.socket_path()
        gateway = Gateway(self.configuration())
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

    def test_a_new_file_that_needs_more_than_there_are_is_not_taken(self):
        gateway = self.gateway_of(self.refused(48))
        gateway.start()
        gateway.write_config(self.configuration(upstreams=2))
        gateway.reload()
        gateway.wait_for(lambda lines: any("not reloaded" in line["message"] and "LimitNOFILE" in str(line) for line in lines))
        with self.connect(gateway) as client:
            self.assertEqual(client.get("/").status, 200)

    def test_a_new_file_divides_them_anew(self):
        gateway = self.gateway_of(self.refused(48) + 40)
        gateway.start()
        gateway.write_config(self.configuration(upstreams=4))
        gateway.reload()
        gateway.wait_for(lambda lines: any(line["message"] == "configuration reloaded" for line in lines))
        said = [int(line["connections"]) for line in gateway.lines if "too few file descriptors" in line["message"]]
        # Each client may have used every upstream.
        self.assertLess(said[-1], said[0])
        served = 0
        for client in [self.connect(gateway) for _ in range(4 * said[0])]:
            client.send(client.head("GET", "/"))
            try:
                served += client.read_response().status in (200, 401)
            except Exception:  # closed or reset at once, before or after it was accepted
                client.close()
        self.assertGreater(served, 0)
        self.assertLessEqual(served, said[-1])


if __name__ == "__main__":
    unittest.main()
