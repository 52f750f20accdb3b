"""`/metrics`: what Prometheus reads, and that it says what happened."""

import re
import socket
import threading
import unittest

import promtool
import protocol
from client import Client
from harness import parallel
from operator_case import OperatorCase

POLICIES = """{
    p: { free: { rate: 1/day, burst: 2 }, work: { difficulty: 64, rounds: 4, grants: 3 } },
    strong: { free: { rate: 60/min }, consistency: strong } }"""
STRONG = '{ name: strong, match: { path: "/strong/*" }, upstream: app, policy: strong }, '
SHUT = '{ name: shut, match: { path: "/shut/*" }, deny: true }, '
#: Of the small server that answers them.
CONNECTIONS_MAX = 64
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)\Z')


class MetricsCase(OperatorCase):
    def page(self):
        with Client(self.gateway.probes) as client:
            answer = client.get("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8")
        return answer.body.decode()

    def samples(self):
        """All samples: `{(name, ((label, value), …)): number}`."""
        samples = {}
        for line in self.page().splitlines():
            if line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            self.assertTrue(match, line)
            labels = tuple(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match.group(2) or ""))
            self.assertNotIn((match.group(1), labels), samples)
            samples[match.group(1), labels] = float(match.group(3))
        return samples

    def wait_for(self, name, value, **labels):
        """Waits until a sample has its value: a request is counted just after its client has read the last byte."""
        key = ("tollgate_" + name, tuple(labels.items()))
        for _ in range(2_000):
            samples = self.samples()
            if samples.get(key) == value:
                return samples
        self.fail(f"{key} is {samples.get(key)}, not {value}")


class PageTests(MetricsCase):
    def test_promtool_finds_nothing_wrong(self):
        client = self.serve(POLICIES, routes=STRONG + SHUT)
        self.assertEqual(promtool.check(self.page()), "")
        challenge = [client.get("/a") for _ in range(3)][-1].json()["challenge"]
        protocol.redeem(client, challenge, protocol.solve(challenge))
        for path in ("/strong/a", "/shut/a"):
            client.get(path)
        self.wait_for("requests_total", 1, route="shut", policy="", verdict="denied")
        page = self.page()
        self.assertEqual(promtool.check(page), "")
        # It would have.
        self.assertNotEqual(promtool.check(page.replace("# HELP tollgate_price", "# HELPLESS")), "")

    def test_every_metric_has_its_help_and_its_type(self):
        self.serve(POLICIES, routes=STRONG)
        page = self.page()
        helped = re.findall(r"(?m)^# HELP (\S+) \S", page)
        typed = re.findall(r"(?m)^# TYPE (\S+) (?:counter|gauge|histogram)$", page)
        self.assertEqual(helped, typed)
        self.assertEqual(len(set(helped)), len(helped))
        for name in """requests_total challenges_total verify_seconds decision_seconds price ledger_keys config_reload_ok
                       config_info connections access_log_dropped_total build_info""".split():
            self.assertIn("tollgate_" + name, helped)


class CrowdTests(MetricsCase):
    """More connections to the probes than there may be, by somebody who asks nothing, or nothing more."""

    def test_nobody_else_is_shut_out(self):
        self.serve(POLICIES)
        request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        for sent in (b"", request[:20], request):
            with self.subTest(sent=sent):
                held = []
                for _ in range(CONNECTIONS_MAX + 6):
                    connection = socket.create_connection(self.gateway.probes, timeout=30)
                    self.addCleanup(connection.close)
                    connection.sendall(sent)
                    held.append(connection)
                    if sent == request:
                        self.assertIn(b" 200 ", connection.recv(65_536))
                for _ in range(CONNECTIONS_MAX + 6):
                    with Client(self.gateway.probes) as client:
                        self.assertEqual(client.get("/healthz").status, 200)


class CountTests(MetricsCase):
    def test_requests_by_route_policy_and_verdict(self):
        client = self.serve(POLICIES, routes=STRONG + SHUT)
        for path, count in [("/a", 5), ("/strong/a", 1), ("/shut/a", 3), ("//%zz", 2)]:
            for _ in range(count):
                client.get(path)
        self.wait_for("requests_total", 2, route="", policy="", verdict="malformed")
        self.wait_for("requests_total", 2, route="api", policy="p", verdict="admitted-free")
        self.wait_for("requests_total", 3, route="api", policy="p", verdict="work-required")
        samples = self.wait_for("requests_total", 3, route="shut", policy="", verdict="denied")
        self.assertEqual(
            samples["tollgate_requests_total", (("route", "strong"), ("policy", "strong"), ("verdict", "admitted-free"))],
            1,
        )
        self.assertEqual(samples["tollgate_decision_seconds_count", (("level", "escrow"),)], 5)
        self.assertEqual(samples["tollgate_decision_seconds_count", (("level", "strong"),)], 1)
        # Two clients' limits: the free one and the ceiling of each policy.
        self.assertGreaterEqual(samples["tollgate_ledger_keys", ()], 2)

    def test_challenges(self):
        client = self.serve(POLICIES)
        challenge = [client.get("/a") for _ in range(3)][-1].json()["challenge"]
        solution = protocol.solve(challenge)
        self.wait_for("challenges_total", 1, policy="p", event="issued")
        wrong = protocol.wrong_solution(challenge, solution)
        # Of its authenticator, and another one in any case.
        text = challenge["challenge"]
        forged = {"challenge": text[:-10] + ("B" if text[-10] == "A" else "A") + text[-9:]}
        expected = [
            ("wrong", "p", lambda: protocol.redeem(client, challenge, wrong)),
            ("redeemed", "p", lambda: protocol.redeem(client, challenge, solution, key="k")),
            ("repeated", "p", lambda: protocol.redeem(client, challenge, solution, key="k")),
            ("already-spent", "", lambda: protocol.redeem(client, challenge, solution)),
            ("malformed", "", lambda: protocol.redeem(client, challenge, "x")),
            ("wrong", "", lambda: protocol.redeem(client, forged, solution)),
        ]
        for event, policy, act in expected:
            act()
            samples = self.wait_for("challenges_total", 1, policy=policy, event=event)
        # Each was looked at, but for what shows by the record that the challenge is spent.
        self.assertEqual(samples["tollgate_verify_seconds_count", ()], 5)
        self.assertGreater(samples["tollgate_verify_seconds_sum", ()], 0)
        self.assertEqual(samples["tollgate_price", (("policy", "p"),)], 1)

    def test_histograms_count_up(self):
        client = self.serve(POLICIES)
        for _ in range(20):
            client.get("/a")
        samples = self.wait_for("decision_seconds_count", 20, level="escrow")
        buckets = [
            (float(dict(labels)["le"]), value)
            for (name, labels), value in samples.items()
            if name == "tollgate_decision_seconds_bucket"
        ]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual([value for _, value in buckets], sorted(value for _, value in buckets))
        self.assertEqual(buckets[-1], (float("inf"), 20))

    def test_what_a_check_listener_shows_again_is_not_a_second_refusal(self):
        self.gateway = self.start_gateway(
            """
            listeners: [{ address: "127.0.0.1:0", check: nginx }]
            probes: { address: "127.0.0.1:0" }
            routes: [{ name: api, match: { path: "/*" }, policy: p }]
            policies: { p: { free: { rate: 0 }, work: { difficulty: 64, rounds: 4 } } }
            """
        )
        client = self.connect(self.gateway)
        asked = [
            ("X-Original-Method", "GET"),
            ("X-Original-URI", "/v1/x"),
            ("X-Real-IP", "198.51.100.7"),
            ("Host", "example.com"),
        ]
        for path, status in [("check", 401), ("refusal", 401)]:
            self.assertEqual(client.get(protocol.BASE + path, asked).status, status)
        samples = self.wait_for("requests_total", 1, route="api", policy="p", verdict="refusal-shown")
        refused = ("tollgate_requests_total", (("route", "api"), ("policy", "p"), ("verdict", "work-required")))
        self.assertEqual(samples[refused], 1)
        # nginx's question has no challenge in its answer; what is shown has.
        self.wait_for("challenges_total", 1, policy="p", event="issued")

    def test_connections(self):
        client = self.serve(POLICIES)
        client.get("/a")
        self.wait_for("connections", 1)
        client.close()
        self.wait_for("connections", 0)

    def test_many_scrapes_at_once_while_requests_come(self):
        self.serve(POLICIES, routes=SHUT)
        stop = threading.Event()
        sent = [0]

        def load():
            with Client(self.gateway.address) as client:
                while not stop.is_set():
                    client.get("/shut/a")
                    sent[0] += 1

        loader = threading.Thread(target=load, daemon=True)
        loader.start()
        try:
            parallel(16, lambda _: [self.samples() for _ in range(10)])
        finally:
            stop.set()
            loader.join(30)
        self.wait_for("requests_total", sent[0], route="shut", policy="", verdict="denied")


class ReloadTests(MetricsCase):
    def reloaded(self, change, message):
        with open(self.gateway.config_path, encoding="utf-8") as file:
            text = file.read()
        before = len([line for line in self.gateway.lines if line.get("message") == message])
        self.gateway.write_config(change(text))
        self.gateway.wait_for(lambda lines: sum(line.get("message") == message for line in lines) > before)

    def hash(self):
        (hash,) = [dict(labels)["hash"] for name, labels in self.samples() if name == "tollgate_config_info"]
        return hash

    def test_whether_the_last_one_holds(self):
        self.serve(POLICIES)
        samples = self.samples()
        self.assertEqual(samples["tollgate_config_reload_ok", ()], 1)
        first = self.hash()
        self.reloaded(lambda text: text + "\nnonsense: 1\n", "configuration not reloaded")
        self.wait_for("config_reload_ok", 0)
        self.assertEqual(self.hash(), first)
        self.reloaded(lambda text: text.replace("nonsense: 1", "# sense"), "configuration reloaded")
        self.wait_for("config_reload_ok", 1)
        self.assertNotEqual(self.hash(), first)

    def test_going_back_to_what_holds_is_as_good(self):
        self.serve(POLICIES)
        with open(self.gateway.config_path, encoding="utf-8") as file:
            good = file.read()
        self.reloaded(lambda text: text + "\nnonsense: 1\n", "configuration not reloaded")
        self.wait_for("config_reload_ok", 0)
        self.gateway.write_config(good)
        self.wait_for("config_reload_ok", 1)

    def test_what_is_gone_is_not_counted_for_ever(self):
        client = self.serve(POLICIES, routes=SHUT)
        client.get("/shut/a")
        self.wait_for("requests_total", 1, route="shut", policy="", verdict="denied")
        for number in range(5):
            name = "shut" if number == 0 else f"shut{number}"
            self.reloaded(
                lambda text: text.replace(f"name: {name},", f"name: shut{number + 1},"), "configuration reloaded"
            )
            client.get("/shut/a")
            samples = self.wait_for("requests_total", 1, route=f"shut{number + 1}", policy="", verdict="denied")
            routes = {dict(labels)["route"] for name, labels in samples if name == "tollgate_requests_total"}
            self.assertEqual(routes - {"", "api"}, {f"shut{number + 1}"})


if __name__ == "__main__":
    unittest.main()
