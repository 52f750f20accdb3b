"""Broken configuration files hold or are explained: each error with its place, and never a crash."""

import collections
import os
import re
import subprocess
import tempfile
import textwrap
import unittest

from harness import BINARY, TestCase, parallel
from mutator import Mutator


class ConfigurationMutationTests(TestCase):
    COUNT = 100
    FILE = """
        node: { name: a }
        listeners:
          - address: "127.0.0.1:8080"
            client: { from: x-forwarded-for, trusted: [loopback, "10.0.0.0/8"] }
        probes: { address: "127.0.0.1:9464" }
        upstreams:
          app: { servers: ["127.0.0.1:3000"], connectTimeout: 5s }
        routes:
          - { name: robots, match: { path: "/robots.txt" }, upstream: app, allow: true }
          - { name: banned, match: { clients: ["192.0.2.0/24"] }, deny: true }
          - { name: api, match: { host: api.example.com, path: "/v1/*", methods: [GET, POST], headers: { User-Agent: "*" },
                                  not: { path: "/v1/open/*" } }, upstream: app, policy: api, cost: 1 }
        policies:
          api:
            preset: api
            clientPrefix: { ipv4: 32, ipv6: 64 }
            free:
              - { rate: 60/min, burst: 20 }
              - { key: "client/24,/48", rate: 600/min }
              - { key: "header:X-Api-Key", rate: 100/min }
              - { key: all, rate: 50000/min }
            work: { difficulty: 16000000, rounds: 16, grants: 100, ttl: 10m, challengeTtl: 5m, bind: client }
            ceiling: { rate: 1000/min, burst: 100 }
            page: { title: "One moment", text: "…", status: 429 }
        log: { level: info, format: json }
    """
    ODD = ["~", "null", "[]", "{}", "-1", "0", "1e99", "99999999999999999999", "0x10", "true", "''", '"', "&a", "*a", "!!int", "|", ">", "? x", "- -",
           "%", "\t", "<<: *a", "---", "...", "#", "{{{{", "]]]]", "60/0s", "0/min", "1/ns", "::", "/33", "\\", "\u00e9", "\u202e",
           "  ", "\n", "a: b"]  # fmt: skip

    def mutated(self, text):
        random = self.random
        for _ in range(random.choice((1, 1, 2, 4))):
            kind = random.randrange(6)
            if kind == 0:
                words = list(re.finditer(r"[A-Za-z0-9./:*\"-]+", text))
                word = random.choice(words)
                text = text[: word.start()] + random.choice(self.ODD) + text[word.end() :]
            elif kind == 1:
                at = random.randrange(len(text))
                text = text[:at] + random.choice(self.ODD) + text[at:]
            elif kind == 2:
                lines = text.split("\n")
                lines.insert(random.randrange(len(lines)), random.choice(lines))
                text = "\n".join(lines)
            elif kind == 3:
                lines = text.split("\n")
                del lines[random.randrange(len(lines))]
                text = "\n".join(lines)
            elif kind == 4:
                at = random.randrange(len(text))
                text = text[:at] + text[at + random.randrange(1, 30) :]
            else:
                numbers = list(re.finditer(r"[0-9]+", text))
                if numbers:
                    number = random.choice(numbers)
                    value = random.choice(("0", "-1", "1", "65536", str(2**31), str(2**63), str(2**64), "1" * 40, "1.5", "007"))
                    text = text[: number.start()] + value + text[number.end() :]
        return text

    def validate(self, data, path):
        with open(path, "wb") as file:
            file.write(data)
        return subprocess.run([BINARY, "validate", "--config", path], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)

    def test_mutated_configurations_hold_or_are_explained(self):
        good = textwrap.dedent(self.FILE)
        texts = [self.mutated(good).encode("utf-8", "surrogatepass") for _ in range(self.COUNT)]
        # Bytes that are no text, and files that are no file of ours.
        mutator = Mutator(self.random)
        texts += [mutator.bytes(good.encode()) for _ in range(self.COUNT // 4)]
        texts += [b"", b"\0", b"\xff\xfe", b"a" * 100_000, b"[" * 20_000, b"a: " * 5_000, b"- " * 20_000, b"{a: " * 5_000,
                  b"*x", b"&a [*a]",
                  b"\xef\xbb\xbf" + good.encode(), b"x: &x [" + b"y," * 1000 + b"]\nz: [" + b"*x," * 1000 + b"]", b"upstream: http://h:1\n" * 2]  # fmt: skip
        outcomes = collections.Counter()
        with tempfile.TemporaryDirectory(prefix="tollgate-test-") as folder:
            path = lambda index: os.path.join(folder, f"{index}.yaml")
            self.assertEqual(self.validate(good.encode(), path("good")).returncode, 0)

            def run(index):
                result = self.validate(texts[index], path(index))
                self.check(texts[index], result, path(index))
                outcomes[result.returncode] += 1

            parallel(len(texts), run, workers=2)
        self.assertGreater(outcomes[1], self.COUNT // 4, outcomes)
        self.assertGreater(outcomes[0], 5, outcomes)

    def check(self, text, result, path):
        output = (result.stdout + result.stderr).decode("utf-8")
        self.assertIn(result.returncode, (0, 1), (text, output[-2_000:]))
        if result.returncode == 1:
            # Each error names its place in the file, and there is at least one.
            self.assertRegex(output, re.escape(path) + r"(:[0-9]+(:[0-9]+)?)?: ", text)
        else:
            self.assertIn("holds", output, text)


if __name__ == "__main__":
    unittest.main()
