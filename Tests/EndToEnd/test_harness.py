"""The harness itself, and with it the shortest way through the program: free, challenged, solved, passed."""

import unittest

import protocol
from harness import TestCase, parallel


class HarnessTests(TestCase):
    CONFIG = """
        upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
        probes: {{ address: "127.0.0.1:0" }}
        policies:
          default:
            preset: api
            free: {{ rate: 1/day, burst: 3 }}
            work: {{ difficulty: 256, rounds: 4, grants: 5 }}
        log: {{ format: json }}
    """

    def test_a_client_is_served_challenged_and_served_again(self):
        upstream = self.start_upstream()
        gateway = self.start_gateway(self.CONFIG.format(upstream=upstream.authority))
        client = self.connect(gateway)
        self.assertEqual([client.get("/").status for _ in range(4)], [200, 200, 200, 429])
        challenge = client.get("/").json()["challenge"]
        solution = protocol.solve(challenge)
        self.assertIsNone(protocol.verify(challenge, solution))
        answer = protocol.redeem(client, challenge, solution)
        self.assertEqual(answer.status, 200, answer)
        answers = [client.get("/a", {"PoW-Pass": answer.json()["pass"]}) for _ in range(6)]
        self.assertEqual([answer.status for answer in answers], [200] * 5 + [429])
        self.assertEqual(upstream.count(), 8)
        self.assertEqual(upstream.last().target, "/a")
        self.assertGreater(gateway.rss_bytes(), 1 << 20)
        with self.subTest("restart"):
            gateway.restart()
            # What was used up stays used up.
            self.assertEqual(self.connect(gateway).get("/").status, 429)

    def test_parallel_calls_give_results_in_order_and_errors_to_the_caller(self):
        self.assertEqual(parallel(100, lambda index: index * index, workers=8), [n * n for n in range(100)])
        with self.assertRaises(ZeroDivisionError):
            parallel(10, lambda index: 1 // (index - 5), workers=3)


if __name__ == "__main__":
    unittest.main()
