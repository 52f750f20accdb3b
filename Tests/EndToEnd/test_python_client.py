"""The Python client against a real gateway: it pays what it must, once, and shows what it has bought to nobody else."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from client import Client
from harness import parallel
from scripted_upstream import ScriptedUpstream, serve_ok
from python_client_case import PATH, WORK, PythonClientCase, tollgate

REDEEM = "/.well-known/tollgate/redeem"
FREE_NOTHING = "free: { rate: 0 }, ceiling: off, " + WORK


class PayingTests(PythonClientCase):
    def test_what_is_free_costs_nothing(self):
        gateway = self.gateway_for("free: { rate: 60/min, burst: 5 }, ceiling: off, reserve: 0, " + WORK)
        session = self.session()
        for _ in range(5):
            response = session.get(gateway.url + "/x")
            self.assertEqual((response.status, response.challenges, response.hashes), (200, 0, 0))
        response = session.get(gateway.url + "/x")
        self.assertEqual((response.status, response.challenges), (200, 1))
        self.assertGreaterEqual(response.hashes, 4)

    def test_a_pass_pays_until_it_is_used_up_and_is_renewed_then(self):
        gateway = self.gateway_for(FREE_NOTHING)
        session = self.session()
        challenges = [session.get(f"{gateway.url}/{index}").challenges for index in range(12)]
        self.assertEqual(challenges, [1, 0, 0, 0, 0] * 2 + [1, 0])
        self.assertEqual([request.target for request in self.upstream.take()], [f"/{index}" for index in range(12)])

    def test_nothing_of_ours_reaches_the_service(self):
        gateway = self.gateway_for(FREE_NOTHING)
        for inline in (False, True):
            session = self.session(inline=inline)
            for _ in range(2):
                session.get(gateway.url + "/x", headers={"X-Mine": "yes"})
            for request in self.upstream.take():
                names = request.names()
                self.assertIn("x-mine", names)
                self.assertEqual([name for name in names if name.startswith("pow-") or name == "cookie"], [])

    def test_a_pass_that_expires_is_not_shown_and_is_renewed(self):
        gateway = self.gateway_for("free: { rate: 0 }, ceiling: off, work: { difficulty: 64, rounds: 4, grants: 1000000, ttl: 1s }")
        session = self.session()
        self.assertEqual(session.get(gateway.url + "/").challenges, 1)
        while session.headers_for(gateway.url):
            pass
        self.assertEqual(session.get(gateway.url + "/").challenges, 1)

    def test_in_line_no_other_trip_is_made(self):
        gateway = self.gateway_for(FREE_NOTHING)
        wire = self.wire(gateway)
        session = self.session(inline=True)
        self.assertEqual([session.get(wire.url + "/x").challenges for _ in range(7)], [1, 0, 0, 0, 0, 1, 0])
        self.assertEqual(wire.sent(REDEEM), [])
        # A refusal, the solution with the request, four by pass; a refusal, the next solution, one by pass.
        self.assertEqual(len(wire.sent("/x")), 9)
        keys = [request.one("pow-idempotency-key") for request in wire.sent("/x") if request.one("pow-solution")]
        self.assertEqual(len(set(keys)), 2)
        for key in keys:
            self.assertRegex(key, r"\A[0-9a-f]{32}\Z")

    def test_in_line_a_post_is_paid_for_first(self):
        gateway = self.gateway_for(FREE_NOTHING)
        wire = self.wire(gateway)
        response = self.session(inline=True).post(wire.url + "/x", json={"a": "ä"})
        self.assertEqual((response.status, response.challenges), (200, 1))
        self.assertEqual(len(wire.sent(REDEEM)), 1)
        self.assertEqual([json.loads(request.body) for request in self.upstream.take()], [{"a": "ä"}])

    def test_every_method_and_kind_of_answer(self):
        gateway = self.gateway_for(FREE_NOTHING)
        for method, options in [
            ("HEAD", {}), ("PUT", {"data": b"\0\xff"}), ("DELETE", {}), ("PATCH", {"data": "text"}), ("OPTIONS", {}),
            ("POST", {"data": {"a": "b c&d"}}), ("GET", {"headers": {"Accept": "text/html"}}),
            ("GET", {"headers": [("Sec-Fetch-Dest", "document")]}),
        ]:  # fmt: skip
            for inline in (False, True):
                with self.subTest(method=method, options=options, inline=inline):
                    response = self.session(inline=inline).request(method, gateway.url + "/x", **options)
                    self.assertEqual((response.status, response.challenges), (200, 1))
                    self.assertEqual(response.body == b"", method == "HEAD")
                    self.assertEqual([request.method for request in self.upstream.take()], [method])

    def test_policies_of_one_origin_have_passes_of_their_own(self):
        gateway = self.gateway_for(FREE_NOTHING, "q: { %s }" % FREE_NOTHING, '- { match: { path: "/q/*" }, upstream: app, policy: q }')
        session = self.session()
        challenges = [session.get(gateway.url + path).challenges for path in ["/p", "/q/1", "/p", "/q/2"] * 3]
        # Five grants each: the sixth of each is renewed, and the other's is still good.
        self.assertEqual(challenges, [1, 1] + [0] * 8 + [1, 1])
        self.assertEqual(session.headers_for(gateway.url)["PoW-Pass"].count(","), 1)

    def test_a_large_body_is_sent_again(self):
        gateway = self.gateway_for(FREE_NOTHING)
        body = self.random.randbytes(3_000_000)
        session = self.session()
        response = session.post(gateway.url + "/x", data=body)
        self.assertEqual((response.status, response.challenges), (200, 1))
        self.assertEqual([request.body for request in self.upstream.take()], [body])

    def test_over_the_ceiling_it_waits_as_it_is_told(self):
        gateway = self.gateway_for("free: { rate: 60/min, burst: 1000 }, ceiling: { rate: 60/min, burst: 1 }, reserve: 0")
        session = self.session()
        self.assertEqual([session.get(gateway.url + "/").status for _ in range(3)], [200] * 3)
        impatient = self.session(max_wait=0.5)
        statuses = [impatient.get(gateway.url + "/") for _ in range(2)]
        self.assertEqual((statuses[-1].status, statuses[-1].refusal), (429, "over-limit"))
        with self.assertRaisesRegex(tollgate.TollgateError, "429 .*over-limit"):
            statuses[-1].raise_for_status()

    def test_it_waits_where_the_work_is_too_much(self):
        gateway = self.gateway_for("free: { rate: 60/min, burst: 1 }, ceiling: off, reserve: 0, work: { difficulty: 100000000 }")
        session = self.session(max_hashes=1000)
        self.assertEqual([session.get(gateway.url + "/").challenges for _ in range(2)], [0, 0])
        with self.assertRaises(tollgate.TooMuchWork):
            for _ in range(2):
                self.session(max_hashes=1000, max_wait=0).get(gateway.url + "/")


class SharingTests(PythonClientCase):
    def test_threads_share_a_session_and_its_passes(self):
        gateway = self.gateway_for("free: { rate: 0 }, ceiling: off, work: { difficulty: 20000, rounds: 4, grants: 40 }")
        wire = self.wire(gateway)
        session = self.session(processes=1)
        responses = parallel(80, lambda index: session.get(f"{wire.url}/{index}"), workers=8)
        self.assertEqual({response.status for response in responses}, {200})
        # One thread solves, and the others wait for its pass.
        self.assertEqual(sum(response.challenges for response in responses), 2)
        self.assertEqual(len(wire.sent(REDEEM)), 2)
        self.assertEqual(self.upstream.count(), 80)

    def test_threads_that_wait_have_times_of_their_own(self):
        gateway = self.gateway_for("free: { rate: 0 }, ceiling: off, work: { difficulty: 100000000, rounds: 1 }")
        session = self.session(processes=1, timeout=2)
        errors = []

        def fetch():
            try:
                session.get(gateway.url + "/")
            except tollgate.TollgateError as error:
                errors.append(type(error))

        threads = [threading.Thread(target=fetch) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(errors, [tollgate.TimedOut] * 3)

    def test_a_pass_goes_to_its_origin_alone(self):
        gateway = self.gateway_for(FREE_NOTHING)
        other = self.wire(gateway)
        session = self.session()
        session.get(gateway.url + "/x")
        self.assertNotEqual(session.headers_for(gateway.url + "/y"), {})
        # The same host, another port.
        self.assertEqual(session.headers_for(other.url), {})
        session.get(other.url + "/x")
        self.assertEqual(other.requests[0].all("pow-pass"), [])

    def test_redirects_are_followed_within_the_origin_only(self):
        gateway = self.gateway_for(FREE_NOTHING)
        foreign = self.wire(gateway)

        def to(location, status=302):
            async def handler(request, connection):
                await connection.respond(status, [("Location", location)])

            return handler

        for path, status, location in [
            ("/301", 301, "/here?a=b"), ("/303", 303, "here"), ("/307", 307, gateway.url + "/here"), ("/308", 308, "./here#x"),
            ("/away", 302, foreign.url + "/x"), ("/away2", 302, f"//{foreign.address}/x"), ("/odd", 302, "javascript:x"),
            ("/odd2", 302, "http://[/"), ("/odd3", 302, "/\\evil"), ("/none", 302, ""), ("/loop", 302, "/loop"),
        ]:  # fmt: skip
            self.upstream.on(path, to(location, status))
        session = self.session()
        for path in ["/301", "/303", "/307", "/308"]:
            response = session.get(gateway.url + path)
            self.assertEqual((response.status, response.url.startswith(gateway.url + "/here")), (200, True), path)
        for path in ["/away", "/away2", "/odd", "/odd2", "/odd3", "/none", "/loop"]:
            response = session.get(gateway.url + path)
            self.assertEqual((response.status, response.url), (302, gateway.url + path))
        self.assertEqual(foreign.requests, [])
        self.upstream.take()
        session.post(gateway.url + "/303", json=1)
        session.post(gateway.url + "/307", json=1)
        self.assertEqual(
            [(request.method, request.body) for request in self.upstream.take()],
            [("POST", b"1"), ("GET", b""), ("POST", b"1"), ("POST", b"1")],
        )


class LostAnswerTests(PythonClientCase):
    def losing(self, count, path=REDEEM):
        """A wire that loses the first answers from a path."""
        wire = self.wire(self.gateway_for(FREE_NOTHING))
        left = [count]

        def lose(request):
            if request.target != path:
                return False
            left[0] -= 1
            return left[0] >= 0

        wire.lose = lose
        return wire

    def test_a_lost_redemption_is_had_again_and_costs_nothing(self):
        wire = self.losing(2)
        session = self.session()
        # One challenge, whose grants are all there.
        self.assertEqual([session.get(wire.url + "/x").challenges for _ in range(5)], [1, 0, 0, 0, 0])
        sent = wire.sent(REDEEM)
        self.assertEqual(len(sent), 3)
        self.assertEqual(len({request.one("idempotency-key") for request in sent}), 1)
        self.assertEqual(len({request.body for request in sent}), 1)

    def test_in_line_too(self):
        wire = self.wire(self.gateway_for(FREE_NOTHING))
        lost = []

        def lose(request):
            if request.one("pow-solution") is None or lost:
                return False
            lost.append(request)
            return True

        wire.lose = lose
        session = self.session(inline=True)
        # The request whose answer was lost was carried out, and paid for.
        self.assertEqual([session.get(wire.url + "/x").challenges for _ in range(4)], [1, 0, 0, 0])
        self.assertEqual(len(lost), 1)
        self.assertEqual(self.upstream.count(), 5)

    def test_it_gives_up_in_the_end(self):
        wire = self.losing(1000)
        with self.assertRaisesRegex(tollgate.ConnectionFailed, "lost|not HTTP"):
            self.session().get(wire.url + "/x")
        self.assertEqual(len(wire.sent(REDEEM)), 3)
        self.assertEqual(self.upstream.count(), 0)

    def test_a_post_whose_answer_is_lost_is_not_repeated(self):
        wire = self.losing(0)
        wire.lose = lambda request: request.target == "/x" and request.one("pow-pass") is not None
        with self.assertRaises(tollgate.ConnectionFailed):
            self.session().post(wire.url + "/x", data=b"pay")
        self.assertEqual(self.upstream.count(), 1)
        wire.lose = lambda request: False
        self.upstream.take()

    def test_a_get_whose_answer_is_lost_is_repeated(self):
        wire = self.losing(1, "/x")
        self.assertEqual(self.session().get(wire.url + "/x").status, 200)

    def test_what_another_has_spent_is_replaced(self):
        gateway = self.gateway_for(FREE_NOTHING)
        for inline in (False, True):
            with self.subTest(inline=inline):
                wire = self.wire(gateway)
                stolen = []

                def before(request, stolen=stolen):
                    solution = request.one("pow-solution")
                    if stolen or not (request.target == REDEEM or solution):
                        return
                    token, _, numbers = (solution or "").partition(".")
                    body = request.body if solution is None else json.dumps({"challenge": token, "solution": numbers})
                    with self.connect(gateway) as client:
                        stolen.append(client.post(REDEEM, bytes(body, "ascii") if solution else body, [("Content-Type", "application/json")]))

                wire.before = before
                response = self.session(inline=inline).get(wire.url + "/x")
                self.assertEqual((response.status, response.challenges), (200, 2))
                self.assertEqual([answer.status for answer in stolen], [200])


class TLSTests(PythonClientCase):
    def test_who_is_not_who_he_says_gets_nothing(self):
        folder = tempfile.mkdtemp(prefix="tollgate-test-")
        self.addCleanup(shutil.rmtree, folder)
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
            + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

        def script(connection):
            connection.sock = context.wrap_socket(connection.sock, server_side=True)
            serve_ok(connection)

        upstream = ScriptedUpstream(script)
        self.addCleanup(upstream.stop)
        url = f"https://localhost:{upstream.port}/x"
        with self.assertRaisesRegex(tollgate.ConnectionFailed, "certificate"):
            self.session().get(url)
        session = self.session(context=ssl.create_default_context(cafile=certificate))
        before = upstream.accepted
        for _ in range(3):
            self.assertEqual(session.get(url).body, b"GET /x HTTP/1.1")
        # A kept connection is told from a closed one under TLS, too.
        self.assertEqual(upstream.accepted, before + 1)


class OtherWaysTests(PythonClientCase):
    def test_with_another_http_library(self):
        gateway = self.gateway_for(FREE_NOTHING)
        session = self.session()
        url = gateway.url + "/x"

        def get():
            connection = http.client.HTTPConnection(*gateway.address, timeout=30)
            connection.request("GET", "/x", headers=session.headers_for(url))
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer, body

        answer, body = get()
        self.assertEqual(answer.status, 401)
        self.assertTrue(session.pay(url, answer.status, answer.headers, body))
        answer, body = get()
        self.assertEqual(answer.status, 200)
        self.assertFalse(session.pay(url, answer.status, answer.headers, body))
        self.assertFalse(session.pay(url, 404, {"Content-Type": "text/plain"}, b"x"))

    def test_with_another_library_threads_pay_once(self):
        wire = self.wire(self.gateway_for("free: { rate: 0 }, ceiling: off, work: { difficulty: 20000, rounds: 4, grants: 100 }"))
        session = self.session(processes=1)
        url = wire.url + "/x"

        def get(_):
            for _ in range(3):
                sent = session.headers_for(url)
                with Client(("127.0.0.1", wire.port)) as client:
                    answer = client.get("/x", list(sent.items()))
                if not session.pay(url, answer.status, dict(answer.headers), answer.body, sent):
                    return answer.status

        self.assertEqual(parallel(8, get), [200] * 8)
        self.assertEqual(len(wire.sent(REDEEM)), 1)

    def run_command(self, *arguments, data=b""):
        return subprocess.run([sys.executable, PATH, *arguments], input=data, capture_output=True, timeout=120)

    def test_as_a_command(self):
        gateway = self.gateway_for(FREE_NOTHING)
        result = self.run_command("-v", "-i", "-H", "X-A: b", gateway.url + "/x?y")
        self.assertEqual(result.returncode, 0, result)
        head, _, body = result.stdout.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertEqual(json.loads(body)["target"], "/x?y")
        self.assertRegex(result.stderr.decode(), r"\Achallenges: 1, hashes: \d+\n\Z")
        result = self.run_command("-d", "a=b", "--inline", "--processes", "1", gateway.url + "/x")
        self.assertEqual((result.returncode, json.loads(result.stdout)["body"]), (0, "a=b"))

    def test_exit_codes(self):
        async def not_found(_, connection):
            await connection.respond(404, [], b"none")

        self.upstream.on("/404", not_found)
        gateway = self.gateway_for(FREE_NOTHING)
        result = self.run_command(gateway.url + "/404")
        self.assertEqual((result.returncode, result.stdout), (22, b"none"), result)
        result = self.run_command("--max-hashes", "3", gateway.url + "/404")
        self.assertEqual((result.returncode, result.stdout), (1, b""), result)
        self.assertRegex(result.stderr.decode(), r"\Aerror: the challenge would take about 64 hashes, more than 3\n\Z")
        for arguments in [[], ["ftp://x/"], ["-H", "x", gateway.url], ["-H", "A: b\r\nC: d", gateway.url], ["--timeout", "0", gateway.url]]:
            self.assertEqual(self.run_command(*arguments).returncode, 2, arguments)

    def test_it_solves_what_is_piped_into_it(self):
        gateway = self.gateway_for(FREE_NOTHING)
        with self.connect(gateway) as client:
            for path in ["/.well-known/tollgate/challenge?policy=p", "/x"]:
                result = self.run_command("--solve", data=client.get(path).body)
                self.assertEqual(result.returncode, 0, result)
                answer = client.post(REDEEM, result.stdout, [("Content-Type", "application/json")])
                self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.run_command("--solve", data=b"{}").returncode, 1)


if __name__ == "__main__":
    unittest.main()
