"""The Python client against servers that nobody should trust: what they send, keep and make it wait for is theirs to bound."""

import json
import socket
import subprocess
import sys
import unittest

from harness import TestCase
from python_client_case import PATH, tollgate
from scripted_upstream import ScriptedUpstream

EASY = "f" * 16
UNPRINTABLE = {*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {0x0A}
SMUGGLED = "abc\r\nX-Injected: yes\r\n\r\nGET /admin HTTP/1.1\r\nHost: internal\r\n\r\n"
BAD_TOKENS = [SMUGGLED, "abc\nX: y", "abc\0", "abc\x1b[2J", "abc\u202e", "é", "", "1abc", "-abc", "a b", "a.b", "a;b", "a=", "a" * 513]
JSON = [("Content-Type", "application/problem+json")]


def document(**changes):
    good = {"challenge": "abc", "algorithm": "SHA-256", "rounds": 1, "target": EASY, "expires_in": 300}
    return {**good, **changes}


def refusal(**changes):
    return {"type": "urn:tollgate:work-required", "policy": "p", "challenge": document(**changes)}


def field(token="abc", rounds=1, target=EASY):
    return f'{token};alg="SHA-256";rounds={rounds};target="{target}";expires-in=300'


class Hostile(TestCase):
    def scripted(self, script):
        upstream = ScriptedUpstream(script)
        self.addCleanup(upstream.stop)
        return upstream

    def session(self, **options):
        session = tollgate.Session(**{"timeout": 20, "processes": 1, **options})
        self.addCleanup(session.close)
        return session

    def get(self, script, **options):
        upstream = self.scripted(script)
        return upstream, self.session(**options).get(f"http://{upstream.address}/x")

    def fails(self, script, kind, pattern, **options):
        """The request ends with this error, in one readable line."""
        upstream = self.scripted(script)
        with self.assertRaises(kind) as caught:
            self.session(**options).get(f"http://{upstream.address}/x")
        text = str(caught.exception)
        self.assertRegex(text, pattern)
        self.assertEqual([letter for letter in text if ord(letter) in UNPRINTABLE or letter == "\n"], [], text)
        return upstream

    @staticmethod
    def answering(body=b"", status="429 Too Many Requests", fields=tuple(JSON)):
        """A script: every request is answered so."""
        data = body if isinstance(body, bytes) else json.dumps(body)

        def script(connection):
            while True:
                connection.read_request()
                connection.answer(data, status, fields)

        return script

    # What is sent

    def test_only_a_token_is_sent_back(self):
        for token in BAD_TOKENS:
            with self.subTest(token=token):
                upstream = self.fails(self.answering(refusal(challenge=token)), tollgate.ChallengeError, '"challenge" is not')
                self.assertEqual([request.line for request in upstream.requests], ["GET /x HTTP/1.1"])
        for token in ["abc\x80", "1abc", "a b", "a.b", "a" * 513, ""]:
            with self.subTest(field=token):
                script = self.answering(b"", "429 X", [("PoW-Challenge", field(token))])
                self.fails(script, tollgate.ChallengeError, "challenge")

    def test_only_a_token_is_kept_as_a_pass(self):
        for value in [*BAD_TOKENS, None, 1, ["a"], {"a": 1}]:

            def script(connection, value=value):
                while True:
                    request = connection.read_request()
                    if request.method == "POST":
                        connection.answer(json.dumps({"pass": value, "expires_in": 5}), "200 OK", [("Content-Type", "application/json")])
                    else:
                        connection.answer(json.dumps(refusal()), "429 X", JSON)

            with self.subTest(value=value):
                upstream = self.fails(script, tollgate.Refused, "holds no pass")
                self.assertEqual([request.method for request in upstream.requests], ["GET", "POST"])
        for value in ["a b", "a.b", "1", "a" * 513, 'a"', ""]:

            def in_line(connection, value=value):
                while True:
                    paid = connection.read_request().one("pow-solution")
                    connection.answer("" if paid else json.dumps(refusal()), "200 X" if paid else "429 X", [*JSON, ("PoW-Pass", value)])

            with self.subTest(in_line=value):
                upstream = self.scripted(in_line)
                session = self.session(inline=True)
                self.assertEqual(session.get(f"http://{upstream.address}/x").status, 200)
                self.assertEqual(session.headers_for(f"http://{upstream.address}/x"), {})

    def test_no_redemption_leaves_the_origin(self):
        trap = self.scripted(self.answering(b"", "200 OK"))
        for where in [f"http://{trap.address}/", f"//{trap.address}/", "/\\evil", "x", "", 7]:
            with self.subTest(redeem=where):
                self.fails(self.answering(refusal(redeem=where)), tollgate.ChallengeError, '"redeem" is not a path')

        def redirecting(connection):
            while True:
                if connection.read_request().method == "POST":
                    connection.answer("", "307 X", [("Location", f"http://{trap.address}/")])
                else:
                    connection.answer(json.dumps(refusal()), "429 X", JSON)

        self.fails(redirecting, tollgate.Refused, "307")
        self.assertEqual(trap.requests, [])

    def test_callers_cannot_break_the_request(self):
        session = self.session()
        for headers in [
            {"X: a\r\nY": "b"}, {"X": "a\r\nY: b"}, {"X": "a\nb"}, {"X": "a\0"}, {"X": "\u0100"}, {"": "a"}, {"a b": "c"}, {"Content-Length": "5"},
            {"transfer-encoding": "chunked"}, {"Host": "other"}, {"PoW-Pass": "a"}, {"Connection": "keep-alive"},
        ]:  # fmt: skip
            with self.subTest(headers=headers), self.assertRaises(ValueError):
                session.get("http://127.0.0.1:1/", headers=headers)
            with self.subTest(session=headers), self.assertRaises(ValueError):
                tollgate.Session(headers=headers)
        for method in ["", "get", "GET /", "GET\r\n", "CONNECT", "A" * 99]:
            with self.subTest(method=method), self.assertRaises(ValueError):
                session.request(method, "http://127.0.0.1:1/")
        for url in [
            "", "x", "ftp://a/", "http://", "http://a b/", "http://a/\r\n", "http://a/b\tc", "http://u@a/", "http://u:p@a/", "http://a:x/", "http://a:0/",
            "http://a:99999/", "http:///x", "http://a\\b/", "http://a,b/", "http://[::1/", "file:///etc/passwd", "http://a/\0", "http://a/\u2028",
        ]:  # fmt: skip
            with self.subTest(url=url), self.assertRaises(ValueError):
                session.get(url)

    def test_what_a_target_cannot_hold_is_encoded(self):
        def script(connection):
            while True:
                connection.answer(connection.read_request().target)

        upstream = self.scripted(script)
        response = self.session().get(f'http://{upstream.address}/ä%20?q={{"b"|<c>}}^`&x=%zz#fragment')
        self.assertEqual(response.text, "/%C3%A4%20?q=%7B%22b%22%7C%3Cc%3E%7D%5E%60&x=%zz")

    # What is done

    def test_only_a_refusal_is_answered_with_work(self):
        for status in ["200 OK", "204 No Content", "302 Found", "503 X"]:
            with self.subTest(status=status):

                def script(connection, status=status):
                    connection.read_request()
                    connection.answer("", status, [("PoW-Challenge", field())], length=not status.startswith("204"))

                upstream, response = self.get(script)
                self.assertEqual((response.status, response.challenges, len(upstream.requests)), (int(status[:3]), 0, 1))

    def test_a_server_that_is_never_satisfied(self):
        def script(connection):
            while True:
                if connection.read_request().method == "POST":
                    connection.answer('{"pass": "p", "expires_in": 600}', "200 OK", [("Content-Type", "application/json")])
                else:
                    connection.answer(json.dumps(refusal()), "429 X", JSON)

        for inline, requests in [(False, 7), (True, 7)]:
            with self.subTest(inline=inline):
                upstream, response = self.get(script, inline=inline)
                self.assertEqual((response.status, response.challenges), (429, 3))
                self.assertEqual(len(upstream.requests), requests)

    def test_a_server_that_refuses_every_solution(self):
        for kind, status in [("wrong-solution", "403"), ("malformed", "400"), ("unknown-policy", "404"), ("over-limit", "429")]:

            def script(connection, kind=kind, status=status):
                while True:
                    if connection.read_request().method == "POST":
                        connection.answer(json.dumps({"type": "urn:tollgate:" + kind}), status + " X", JSON)
                    else:
                        connection.answer(json.dumps(refusal()), "429 X", JSON)

            with self.subTest(kind=kind):
                upstream = self.fails(script, tollgate.Refused, kind)
                self.assertEqual(len(upstream.requests), 2)
        for kind, status, requests in [("expired", "410", 7), ("already-spent", "409", 7)]:

            def stale(connection, kind=kind, status=status):
                while True:
                    if connection.read_request().method == "POST":
                        connection.answer(json.dumps({"type": "urn:tollgate:" + kind}), status + " X", JSON)
                    else:
                        connection.answer(json.dumps(refusal()), "429 X", JSON)

            with self.subTest(kind=kind):
                upstream, response = self.get(stale)
                self.assertEqual((response.status, len(upstream.requests)), (429, requests))

        def moving(connection):
            while True:
                posted = connection.read_request().method == "POST"
                connection.answer(json.dumps({**refusal(), "type": "urn:tollgate:other-client"} if posted else refusal()), "403 X" if posted else "429 X", JSON)

        upstream = self.fails(moving, tollgate.Refused, "other-client")
        self.assertEqual([request.method for request in upstream.requests], ["GET"] + ["POST"] * 3)

    def test_absurd_work_is_not_begun(self):
        script = self.answering(refusal(target="0" * 16, rounds=64))
        upstream = self.fails(script, tollgate.TooMuchWork, "about 1180591620717411303424 hashes, more than 1073741824")
        self.assertEqual(len(upstream.requests), 1)

    def test_the_work_of_a_request_is_bounded_in_all(self):
        # Each would be accepted alone.
        def script(connection):
            while True:
                if connection.read_request().method == "POST":
                    connection.answer(json.dumps({"type": "urn:tollgate:expired"}), "410 X", JSON)
                else:
                    connection.answer(json.dumps(refusal(rounds=64)), "429 X", JSON)

        self.fails(script, tollgate.TooMuchWork, "about 64 hashes, more than 36", max_hashes=100)

    def test_a_wait_without_end(self):
        fields = [*JSON, ("Retry-After", "0")]
        script = self.answering({"type": "urn:tollgate:over-limit"}, "429 X", fields)
        upstream, response = self.get(script)
        self.assertEqual((response.status, response.refusal), (429, "over-limit"))
        self.assertEqual(len(upstream.requests), 6)
        for value in ["61", "99999999999", "-1", "1e1", "soon", "", "0x1", "١", "Wed, 21 Oct 2015 07:28:00 GMT"]:
            with self.subTest(value=value):
                text = value.encode().decode("latin-1")
                script = self.answering({"type": "urn:tollgate:over-limit"}, "429 X", [*JSON, ("Retry-After", text)])
                upstream, response = self.get(script)
                self.assertEqual((response.status, len(upstream.requests)), (429, 1))

    # What is kept and waited for

    def test_a_page_beside_a_challenge_is_not_waited_for(self):
        def script(connection):
            request = connection.read_request()
            if request.one("pow-solution"):
                connection.answer("paid")
            else:
                connection.send(f"HTTP/1.1 429 X\r\nPoW-Challenge: {field()}\r\nContent-Type: text/html\r\n\r\n<!doctype html>")
                connection.expect_closed()

        _, response = self.get(script, inline=True)
        self.assertEqual((response.status, response.body), (200, b"paid"))

    def test_answers_without_end(self):
        def flood(head, piece):
            def script(connection):
                connection.read_request()
                connection.send(head)
                try:
                    while True:
                        connection.send(piece)
                except OSError:
                    pass

            return script

        ok = "HTTP/1.1 200 OK\r\n"
        for head, piece, pattern in [
            ("HTTP/1.1 429 X\r\nContent-Type: application/problem+json\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65_536 + b"\r\n", "larger than 65536 bytes"),
            (ok + "\r\n", b"a" * 65_536, "larger than 1000000 bytes"),
            (ok + "Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 1000, "larger than|does not end"),
            (ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 1000, "does not end|not HTTP"),
            ("", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" * 100, "interim|does not end|not HTTP"),
            ("", b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" * 100, "does not end|not HTTP"),
            (ok, b"A: b\r\n" * 100, "not HTTP|does not end"),
            (ok + "A: ", b"b" * 65_536, "not HTTP|does not end"),
        ]:  # fmt: skip
            with self.subTest(head=head, piece=piece[:20]):
                self.fails(flood(head, piece), tollgate.TollgateError, pattern, max_body=1_000_000)

    def test_answers_that_never_come(self):
        for pieces in [[], ["HTTP/1.1 200 OK\r\n"], ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"]]:

            def script(connection, pieces=pieces):
                connection.read_request()
                connection.send(*pieces)
                connection.expect_closed()

            with self.subTest(pieces=pieces):
                self.fails(script, tollgate.TimedOut, "took longer than 0.5 s", timeout=0.5)

    def test_an_answer_that_drips_is_not_waited_for(self):
        """Each byte comes in time, and the whole would take days."""

        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\n")
            try:
                while True:
                    connection.send("a")
                    connection.sock.settimeout(0.05)
                    try:
                        if not connection.sock.recv(1):
                            return
                    except socket.timeout:
                        pass
            except OSError:
                pass

        self.fails(script, tollgate.TimedOut, "took longer than 1 s", timeout=1)

    def test_what_is_not_http(self):
        ok = "HTTP/1.1 200 OK\r\n"
        for data in [
            b"", "HTTP/1.1 200", b"\0" + self.random.randbytes(1_000), "SSH-2.0-OpenSSH_9\r\n", ok + "Content-Length: 100\r\n\r\nabc",
            ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ok + "Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n",
        ]:  # fmt: skip
            with self.subTest(data=data):

                def script(connection, data=data):
                    connection.read_request()
                    connection.send(data)

                self.fails(script, tollgate.ConnectionFailed, "lost|not HTTP")

    def test_nobody_there(self):
        upstream = ScriptedUpstream()
        upstream.stop()
        with self.assertRaisesRegex(tollgate.ConnectionFailed, "cannot connect to 127.0.0.1:"):
            self.session().get(f"http://{upstream.address}/")

    def test_some_interim_responses_are_passed_over(self):
        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" * 3)
            connection.answer("here", fields=[("A", "c")])

        _, response = self.get(script)
        self.assertEqual((response.body, response.headers.get_all("A")), (b"here", ["c"]))

    def test_a_kept_connection_that_the_server_closes(self):
        def script(connection):
            connection.read_request()
            connection.answer("once")

        upstream = self.scripted(script)
        session = self.session()
        for count in range(1, 4):
            self.assertEqual(session.post(f"http://{upstream.address}/", data=b"x").body, b"once")
            upstream.wait_for(lambda upstream, count=count: upstream.accepted == count and not upstream.open)

    def test_connections_are_kept(self):
        upstream = self.scripted(self.answering(b"", "200 OK"))
        session = self.session()
        for _ in range(5):
            session.get(f"http://{upstream.address}/")
        self.assertEqual(upstream.accepted, 1)

    def test_documents_that_are_none(self):
        for body in [b"", b"null", b"[]", b"\xff\xfe", b"[" * 60_000, b'{"challenge":' * 4_000, b'{"type": 1, "challenge": {}}', b'{"type":"urn:tollgate:x"}']:
            with self.subTest(body=body[:30]):
                _, response = self.get(self.answering(body))
                self.assertEqual((response.status, response.body), (429, body))

    def test_what_the_command_prints(self):
        nasty = "\x1b[2J\u202eevil\x9b\n"
        upstream = self.scripted(self.answering(refusal(algorithm=nasty)))
        result = subprocess.run([sys.executable, PATH, f"http://{upstream.address}/"], capture_output=True, timeout=60)
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        text = result.stderr.decode()
        self.assertRegex(text, r"\Aerror: [^\n]+\n\Z")
        self.assertEqual([letter for letter in text if ord(letter) in UNPRINTABLE], [])


if __name__ == "__main__":
    unittest.main()
