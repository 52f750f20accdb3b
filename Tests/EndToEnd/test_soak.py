"""A mixed load over a long time, under which the gateway must not grow. Runs only where TOLLGATE_SOAK says for how many seconds.

The first third warms up: every client's key, every buffer and every kind of request has been seen by then, and what is spent
is forgotten as fast as it comes. After it memory, threads and descriptors stand still. Snapshots are asked for now and then: up to
the next one the log is kept in memory, tens of megabytes of it, as is meant.
"""

import os
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
import unittest

import protocol
from client import Client, Closed, Violation
from harness import SEED
from proxy_case import ProxyCase

SECONDS = int(os.environ.get("TOLLGATE_SOAK") or 0)
WORKERS = 8
#: Different clients, all of which the warm-up meets.
ADDRESSES = 500
#: Pause after each request of a worker, so that the load is bounded, not the machine's most.
PAUSE = 0.004
#: What an allocator may do with its arenas while the program stands still.
GROWTH_BYTES_MAX = 12 << 20


def load_tests(loader, tests, pattern):
    return tests if SECONDS else unittest.TestSuite()


class Load:
    """One worker's requests, chosen by a generator of its own."""

    def __init__(self, gateway, number):
        self.gateway = gateway
        self.random = random.Random(f"{SEED} soak {number}")
        self.client = Client(gateway.address, timeout=60)
        self.counts = {}
        self.kinds = [
            self.admitted, self.admitted, self.uploaded, self.downloaded, self.refused, self.redeemed, self.in_line,
            self.forged, self.malformed, self.left_early, self.broken_off, self.failed_upstream, self.pipelined,
        ]  # fmt: skip

    def run(self, until):
        while time.monotonic() < until:
            kind = self.random.choice(self.kinds)
            kind()
            self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
            time.sleep(PAUSE)
        self.client.close()

    def address(self):
        number = self.random.randrange(ADDRESSES)
        return [("X-Forwarded-For", f"198.18.{number >> 8}.{number & 255}")]

    def expect(self, response, *statuses):
        if response.status not in statuses:
            raise AssertionError(f"{response} is not one of {statuses}")
        return response

    def admitted(self):
        self.expect(self.client.get(f"/free/{self.random.randrange(1_000)}", self.address()), 200)

    def uploaded(self):
        content = bytes(self.random.choice([0, 1, 1_000, 100_000]))
        self.expect(self.client.post("/free/upload", content, self.address()), 200)

    def downloaded(self):
        size = self.random.choice([1, 10_000, 1_000_000])
        response = self.expect(self.client.get(f"/free/size/{size}", self.address()), 200)
        if len(response.body) != size:
            raise AssertionError(f"{len(response.body)} of {size} bytes")

    def refused(self):
        self.expect(self.client.get("/paid/x", self.address()), 401)

    def challenge(self, address):
        return self.expect(self.client.get("/paid/x", address), 401).json()["challenge"]

    def redeemed(self):
        address = self.address()
        challenge = self.challenge(address)
        solution = protocol.solve(challenge)
        bought = self.expect(protocol.redeem(self.client, challenge, solution, headers=address), 200).json()
        self.expect(protocol.redeem(self.client, challenge, solution, headers=address), 409)
        for _ in range(2):
            self.expect(self.client.get("/paid/x", [*address, ("PoW-Pass", bought["pass"])]), 200)

    def in_line(self):
        address = self.address()
        challenge = self.challenge(address)
        text = f"{challenge['challenge']}.{protocol.solve(challenge)}"
        key = f"{self.random.random()}"
        for _ in range(2):
            fields = [*address, ("PoW-Solution", text), ("PoW-Idempotency-Key", key)]
            self.expect(self.client.get("/paid/x", fields), 200)

    def forged(self):
        address = self.address()
        challenge = self.challenge(address)
        position = self.random.randrange(1, len(challenge["challenge"]))
        token = challenge["challenge"]
        letter = "A" if token[position] != "A" else "B"
        challenge["challenge"] = token[:position] + letter + token[position + 1 :]
        self.expect(protocol.redeem(self.client, challenge, "A" * 43, headers=address), 400, 403, 410)

    def malformed(self):
        with Client(self.gateway.address) as client:
            client.send(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n")
            self.expect(client.read_response(), 400)

    def left_early(self):
        with Client(self.gateway.address) as client:
            client.send(client.head("GET", "/free/size/1000000", self.address()))
            client.socket.recv(100)

    def broken_off(self):
        with Client(self.gateway.address) as client:
            client.send(client.head("POST", "/free/upload", [("Content-Length", "1000")]) + b"half")
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def failed_upstream(self):
        try:
            with Client(self.gateway.address) as client:
                self.expect(client.get("/free/fail", self.address()), 502)
        except (Violation, Closed):
            pass

    def pipelined(self):
        count = self.random.randrange(2, 10)
        heads = [self.client.head("GET", f"/free/{number}", self.address()) for number in range(count)]
        self.client.send(b"".join(heads))
        for _ in range(count):
            self.expect(self.client.read_response(), 200)


class Soak(ProxyCase):
    def script(self, connection):
        while request := connection.read_request():
            parts = request.target.split("/")
            if parts[-1] == "fail":
                connection.send(self.random.choice([b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"?"]))
                return
            connection.answer(bytes(int(parts[-1])) if parts[-2] == "size" else request.line)

    def configuration(self, upstream, remark=""):
        return f"""
            upstreams: {{ app: {{ servers: ["{upstream.address}"] }} }}
            routes:
              - {{ name: free, match: {{ path: "/free/*" }}, upstream: app, policy: free }}
              - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
            policies:
              free: {{ free: {{ rate: 100000/min, burst: 100000 }}, ceiling: {{ rate: 1000000/min }}, work: {{ difficulty: 64, rounds: 1 }} }}
              paid:
                free: {{ rate: 0 }}
                ceiling: {{ rate: 1000000/min, burst: 1000000 }}
                work: {{ difficulty: 64, rounds: 4, grants: 10, ttl: 5s, challengeTtl: 5s }}
            log: {{ access: off }}
            admin: {{ address: "unix:{self.admin_socket}" }}
            {remark}
        """

    def compact(self, gateway):
        """Has a snapshot take the place of the log."""
        with Client(gateway.admin, timeout=60) as admin:
            answer = admin.request("POST", "/v1/cluster/compact")
        self.assertEqual(answer.status, 200, answer)

    def measure(self, gateway):
        with open(f"/proc/{gateway.pid}/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return {
            "bytes": int(fields["VmRSS"].split()[0]) * 1024,
            "threads": int(fields["Threads"]),
            "descriptors": gateway.descriptors(),
        }

    def test_a_long_mixed_load_leaves_nothing_behind(self):
        upstream = self.scripted(self.script)
        folder = tempfile.TemporaryDirectory(prefix="tollgate-test-")
        self.addCleanup(folder.cleanup)
        self.admin_socket = os.path.join(folder.name, "admin.sock")
        gateway = self.start_gateway(self.configuration(upstream))
        until = time.monotonic() + SECONDS
        loads = [Load(gateway, number) for number in range(WORKERS)]
        failures = []

        def work(load):
            try:
                load.run(until)
            except Exception as error:  # told below
                failures.append(error)

        threads = [threading.Thread(target=work, args=(load,), daemon=True) for load in loads]
        for thread in threads:
            thread.start()
        samples = []
        reloads = 0
        while time.monotonic() < until and not failures:
            time.sleep(1)
            samples.append(self.measure(gateway))
            if len(samples) % 10 == 0:
                # A reload each now and then belongs to a node's life.
                reloads += 1
                gateway.write_config(self.configuration(upstream, f"# {reloads}"))
                self.compact(gateway)
        for thread in threads:
            thread.join(120)
        self.assertEqual(failures, [])

        third = len(samples) // 3
        early, late = samples[third : 2 * third], samples[2 * third :]
        requests = {}
        for load in loads:
            for name, count in load.counts.items():
                requests[name] = requests.get(name, 0) + count
        report = {name: [statistics.median(s[name] for s in part) for part in (early, late)] for name in samples[0]}
        print(f"{sum(requests.values())} times {requests}; {reloads} reloads; {report}", file=sys.stderr)
        self.assertLess(report["bytes"][1] - report["bytes"][0], GROWTH_BYTES_MAX)
        self.assertLessEqual(report["threads"][1], report["threads"][0] + 1)
        self.assertLessEqual(report["descriptors"][1], report["descriptors"][0] + WORKERS * 2)
        self.assertTrue(gateway.is_running())


if __name__ == "__main__":
    unittest.main()
