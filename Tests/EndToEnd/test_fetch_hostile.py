"""`fetch` and `solve` against servers that nobody should trust: what they send, print, keep and wait for is theirs to bound."""

import json
import os
import subprocess
import threading
import unittest

import protocol
from harness import BINARY, TestCase
from scripted_upstream import ScriptedUpstream

EASY = "ffffffffffffffff"
# 64 rounds of it are 2^36 hashes: the most that is begun by default, and minutes of any machine.
LONG = "00000003ffffffff"
# Whatever could move a cursor, change a colour, end a line of a log or turn its direction.
UNPRINTABLE = {*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {0x0A}

SMUGGLED = "abc\r\nX-Injected: yes\r\n\r\nGET /admin HTTP/1.1\r\nHost: internal\r\n\r\n"
BAD_TOKENS = [
    SMUGGLED, "abc\nX-Injected: yes", "abc\0", "abc\x1b[2J", "abc\x9b2J", "abc\u202e", "é", "", "1abc", "-abc", "_abc", "a b", "a.b", "a;b",
    "a=", 'a","x":"y\nz', "a" * 513,
]  # fmt: skip


def run(*arguments, data=b""):
    """Runs the program to its end. What a hostile server can make of it is bounded by this timeout in no test."""
    return subprocess.run([BINARY, *arguments], input=data, capture_output=True, timeout=60)


def document(**changes):
    good = {"challenge": "abc", "algorithm": "SHA-256", "rounds": 1, "target": EASY, "expires_in": 300}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def field(token="abc", rounds=1, target=EASY, expires_in=300):
    return f'{token};alg="SHA-256";rounds={rounds};target="{target}";expires-in={expires_in}'


class Hostile(TestCase):
    def setUp(self):
        super().setUp()
        # What scripts wait for that hold a connection open without reading from it.
        self.over = threading.Event()

    def scripted(self, script):
        upstream = ScriptedUpstream(script)
        self.addCleanup(self.finish, upstream)
        return upstream

    def finish(self, upstream):
        self.over.set()
        upstream.stop()
        self.assertEqual(upstream.failures, [])

    def fetch(self, upstream, *arguments, data=b""):
        port = upstream.listener.getsockname()[1]
        return run("fetch", "--threads", "1", *arguments, f"http://127.0.0.1:{port}/x", data=data)

    def refuses(self, script, pattern, *arguments, out=b"", data=b""):
        """Runs it against the script: one readable line on standard error, exit code 1."""
        upstream = self.scripted(script)
        self.failed(self.fetch(upstream, *arguments, data=data), pattern, out)
        return upstream

    def failed(self, result, pattern, out=b""):
        self.assertEqual((result.returncode, result.stdout), (1, out), result)
        text = result.stderr.decode("utf-8")
        self.assertRegex(text, r"\Aerror: [^\n]+\n\Z")
        self.assertRegex(text, pattern)
        self.assertNotRegex(text, "NIO|HTTPParser|Error")
        self.printable(result)

    def printable(self, result):
        text = result.stderr.decode("utf-8")
        self.assertEqual([letter for letter in text if ord(letter) in UNPRINTABLE], [], text)

    @staticmethod
    def challenging(value, header="x", status="429 Too Many Requests"):
        """A script: every request is refused with this challenge in its body."""

        def script(connection):
            connection.read_request()
            body = value if isinstance(value, bytes) else json.dumps(value)
            connection.answer(body, status, [("PoW-Challenge", header)])

        return script

    # What is sent

    def test_only_a_token_is_sent_back(self):
        for token in BAD_TOKENS:
            for body in [document(challenge=token), {"type": "urn:tollgate:work-required", "challenge": document(challenge=token)}]:
                with self.subTest(token=token):
                    upstream = self.refuses(self.challenging(body), '"challenge" is not a letter')
                    self.assertEqual([request.line for request in upstream.requests], ["GET /x HTTP/1.1"])

    def test_no_token_of_the_header_but_a_token_is_sent_back(self):
        for token in ["abc\x80", "1abc", "a b", "a.b", "a" * 513, ""]:
            with self.subTest(token=token):
                upstream = self.refuses(self.challenging(b"", field(token).encode().decode("latin-1")), "challenge")
                self.assertEqual(len(upstream.requests), 1)

    def test_the_longest_token_is_sent_back_as_it_is(self):
        token = "Z" + "a-_9" * 127 + "xyz"
        self.assertEqual(len(token), 512)

        def script(connection):
            request = connection.read_request()
            solution = request.one("pow-solution")
            if solution is None:
                connection.answer(json.dumps(document(challenge=token)), "429 X", [("PoW-Challenge", "x")])
            else:
                connection.answer(solution)

        result = self.fetch(self.scripted(script))
        self.assertEqual(result.returncode, 0, result)
        sent, _, solution = result.stdout.decode().partition(".")
        self.assertEqual(sent, token)
        self.assertIsNone(protocol.verify(document(challenge=token), solution))

    def test_options_cannot_break_the_request(self):
        for arguments in [
            ["-H", "X: a\r\nY: b"], ["-H", "Content-Length: 5"], ["-H", "transfer-encoding: chunked"], ["-H", "Connection: keep-alive"],
            ["-X", "GET / HTTP/1.1\r\nX:"], ["-X", "CONNECT"], ["--timeout", "0"], ["--max-hashes", "0"], ["--max-hashes", "-1"],
        ]:  # fmt: skip
            with self.subTest(arguments=arguments):
                result = run("fetch", *arguments, "http://127.0.0.1:1/")
                self.assertEqual((result.returncode, result.stdout), (64, b""), result)
        for url in ["http://a b/", "http://a\r\nX:y/", "http://a/b c", "http://a/\r\n", "http://u@a/", "http://a:+80/", "http:///"]:
            with self.subTest(url=url):
                self.assertEqual(run("fetch", url).returncode, 64)

    def test_what_a_target_cannot_hold_is_encoded(self):
        upstream = self.scripted(lambda connection: connection.answer(connection.read_request().target))
        port = upstream.listener.getsockname()[1]
        result = run("fetch", f'http://127.0.0.1:{port}/a?q={{"b"|<c>}}^`\\#fragment')
        self.assertEqual((result.returncode, result.stdout), (0, b"/a?q=%7B%22b%22%7C%3Cc%3E%7D%5E%60%5C"), result)

    # Where a challenge is read

    def test_the_header_alone_is_enough(self):
        def script(connection):
            request = connection.read_request()
            if request.one("pow-solution"):
                connection.answer("" if request.method == "HEAD" else "paid")
            elif request.method == "HEAD":
                connection.answer("", "429 X", [("PoW-Challenge", field())])
            else:
                # A page for browsers, without an end: it is not waited for.
                connection.send(f"HTTP/1.1 401 X\r\nPoW-Challenge: {field()}\r\nContent-Type: text/html\r\n\r\n<!doctype html>")
                connection.expect_closed()

        self.assertEqual(self.fetch(self.scripted(script), "-X", "HEAD").returncode, 0)
        result = self.fetch(self.scripted(script), "-H", "Accept: text/html")
        self.assertEqual((result.returncode, result.stdout), (0, b"paid"), result)

    def test_a_gateway_challenges_head_and_browsers(self):
        upstream = self.start_upstream()
        gateway = self.start_gateway(f"""
            upstreams: {{ app: {{ servers: ["{upstream.authority}"] }} }}
            routes: [ {{ name: all, match: {{ path: "/*" }}, upstream: app, policy: p }} ]
            policies: {{ p: {{ free: {{ rate: 0 }}, work: {{ difficulty: 64, rounds: 4, grants: 3 }} }} }}
        """)
        for arguments in [["-X", "HEAD"], ["-H", "Accept: text/html"], ["-H", "Sec-Fetch-Dest: document"]]:
            with self.subTest(arguments=arguments):
                self.assertEqual(run("fetch", *arguments, gateway.url + "/x").returncode, 0)

    def test_only_a_refusal_is_answered_with_work(self):
        for status in ["200 OK", "204 No Content", "302 Found", "103 Early Hints"]:
            with self.subTest(status=status):

                def script(connection, status=status):
                    connection.read_request()
                    if status.startswith("103"):
                        connection.send(f"HTTP/1.1 103 E\r\nPoW-Challenge: {field()}\r\n\r\n")
                        connection.answer("")
                    else:
                        connection.answer("", status, [("PoW-Challenge", field())], length=not status.startswith("204"))

                upstream = self.scripted(script)
                self.assertEqual(self.fetch(upstream, "-X", "POST").returncode, 0)
                self.assertEqual(len(upstream.requests), 1)

    def test_a_server_that_is_never_satisfied(self):
        upstream = self.scripted(self.challenging(document(), field()))
        result = self.fetch(upstream)
        self.assertEqual((result.returncode, json.loads(result.stdout)), (22, document()))
        self.assertEqual(len(upstream.requests), 4)

    def test_what_is_no_challenge(self):
        for value in [
            b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 60_000, b'{"challenge":' * 4_000, document(rounds=0), document(rounds=65),
            document(rounds=2**70), document(rounds=None), document(rounds="1"), document(rounds=1.5), document(target=1), document(target="f" * 15),
            document(target="+" + "f" * 15), document(target="F" * 16), document(challenge=None), document(challenge=["a"]),
            document(algorithm="MD5"), document(algorithm="\x1b[31mMD5\n\u202e" * 1_000), document(expires_in="soon"), document(expires_in=1e300),
        ]:  # fmt: skip
            with self.subTest(value=str(value)[:100]):
                self.refuses(self.challenging(value), "the server's challenge cannot be read: ")
                text = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.failed(run("solve", data=text), "this is not a challenge: ")

    # Work

    def test_absurd_work_is_not_begun(self):
        for changes in [{"target": "0" * 16, "rounds": 64, "expires_in": 1}, {"target": "0" * 16, "expires_in": None}]:
            with self.subTest(changes=changes):
                upstream = self.refuses(self.challenging(document(**changes)), r"2\^64 or more hashes, more than --max-hashes 68719476736")
                self.assertEqual(len(upstream.requests), 1)
                self.failed(run("solve", data=json.dumps(document(**changes)).encode()), "--max-hashes")
        # Its own bound, to the hash: 16 rounds of everything are 16 hashes.
        sixteen = json.dumps(document(rounds=16)).encode()
        self.failed(run("solve", "--max-hashes", "15", data=sixteen), "about 16 hashes, more than --max-hashes 15")
        self.assertEqual(run("solve", "--max-hashes", "16", data=sixteen).returncode, 0)
        self.refuses(self.challenging(b"", field(rounds=16)), "about 16 hashes", "--max-hashes", "15")

    def test_a_challenge_that_expires_is_given_up(self):
        for seconds in [1, 0, -(2**60)]:
            challenge = document(rounds=64, target=LONG, expires_in=seconds)
            with self.subTest(seconds=seconds):
                pattern = rf"expired before it was solved: \d+ hashes in its {max(seconds, 0)} s, of about 68719476736"
                upstream = self.refuses(self.challenging(challenge), pattern)
                self.assertEqual(len(upstream.requests), 1)
                self.failed(run("solve", data=json.dumps(challenge).encode()), pattern)
        # As far away as a number can say.
        self.assertEqual(run("solve", data=json.dumps(document(expires_in=2**63 - 1)).encode()).returncode, 0)

    def test_what_solve_prints_is_its_own(self):
        for token in BAD_TOKENS:
            with self.subTest(token=token):
                self.failed(run("solve", data=json.dumps(document(challenge=token)).encode()), '"challenge" is not a letter')
        result = run("solve", data=json.dumps({"challenge": document(challenge="a-_Z"), "x": "y"}).encode())
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(result.stdout.count(b"\n"), 1)
        solved = json.loads(result.stdout, object_pairs_hook=list)
        self.assertEqual([name for name, _ in solved], ["challenge", "solution"])
        self.assertEqual(solved[0][1], "a-_Z")
        self.assertIsNone(protocol.verify(document(challenge="a-_Z"), solved[1][1]))

    # What is kept

    def test_a_refusal_without_end(self):
        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 429 X\r\nPoW-Challenge: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    connection.chunk(b"a" * 65_536)
            except ConnectionError:
                pass

        self.refuses(script, "refusal is larger than 64 KiB")

    def test_a_refusal_is_read_whole_or_not_at_all(self):
        for size, code in [(65_536, 22), (65_537, 1)]:
            with self.subTest(size=size):
                body = json.dumps(document()).encode()
                result = self.fetch(self.scripted(self.challenging(body + b" " * (size - len(body)))))
                self.assertEqual(result.returncode, code, result)

    def test_interim_responses_without_end(self):
        def script(connection):
            connection.read_request()
            try:
                while True:
                    connection.send(b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" * 100)
            except ConnectionError:
                pass

        self.refuses(script, "more than 64 interim responses")

    def test_some_interim_responses_are_passed_over(self):
        def script(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" * 64)
            connection.answer("here")

        result = self.fetch(self.scripted(script))
        self.assertEqual((result.returncode, result.stdout), (0, b"here"), result)

    # What is not HTTP

    def test_one_readable_sentence_for_what_is_not_http(self):
        noise = self.random.randbytes(1_000)
        whole = "HTTP/1.1 200 OK\r\n"
        for bytes_sent, pattern, out in [
            (b"", "without an answer", b""),
            ("HTTP/1.1 200", "without an answer", b""),
            (b"\0" + noise, "not HTTP", b""),
            ("SSH-2.0-OpenSSH_9\r\n", "not HTTP", b""),
            (whole + "Content-Length: 100\r\n\r\nabc", "cut short", b"abc"),
            (whole + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "cut short", b"abc"),
            (whole + "Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n", "not HTTP", b""),
            (whole + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", "not HTTP", b""),
            (whole + "A: b\x1b[2J\0\r\n\r\n", "not HTTP", b""),
            (whole + "A: " + "b" * 1_000_000 + "\r\n\r\n", "too large a head", b""),
            (whole + "A: b\r\n" * 100_000 + "\r\n", "too large a head", b""),
            ("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc", "another protocol", b""),
        ]:
            with self.subTest(bytes_sent=bytes_sent[:60]):

                def script(connection, bytes_sent=bytes_sent):
                    connection.read_request()
                    try:
                        connection.send(bytes_sent)
                    except ConnectionError:
                        pass

                self.refuses(script, pattern, out=out)

    def test_a_connection_that_breaks(self):
        def script(connection):
            connection.read_request()
            connection.reset()

        self.refuses(script, "without an answer|broke: ")

    def test_passes_are_shown_only_as_tokens(self):
        def answering(value):
            def script(connection):
                connection.read_request()
                connection.answer("", fields=[("PoW-Pass", value)])

            return script

        result = self.fetch(self.scripted(answering("Aabc")), "--show-pass")
        self.assertEqual((result.returncode, result.stderr), (0, b"PoW-Pass: Aabc\n"))
        for value in ["a\x80\x9b2J", "a b", "\xc2\x9b2J", "a" * 513]:
            with self.subTest(value=value):
                result = self.fetch(self.scripted(answering(value)), "--show-pass")
                self.assertEqual(result.returncode, 0)
                self.assertNotIn(value.encode("latin-1"), result.stderr)
                self.printable(result)

    # Silence

    def test_silence_ends(self):
        def nothing(connection):
            connection.read_request()
            connection.expect_closed()

        def half(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            connection.expect_closed()

        def takes_nothing(connection):
            self.over.wait(60)

        big = os.urandom(64) * (32 << 14)
        self.refuses(nothing, "anything for 1 s", "--timeout", "1")
        self.refuses(half, "anything for 1 s", "--timeout", "1", out=b"abc")
        self.refuses(takes_nothing, "anything for 1 s", "--timeout", "1", "-d", "@-", data=big)

    def test_a_slow_answer_is_not_silence(self):
        # Longer in all than the timeout; each gap is a sixth of it.
        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
            for _ in range(9):
                self.over.wait(0.5)
                connection.send("x")

        result = self.fetch(self.scripted(script), "--timeout", "3")
        self.assertEqual((result.returncode, result.stdout), (0, b"x" * 9), result)

    def test_an_answer_that_comes_before_the_request_is_taken(self):
        big = os.urandom(64) * (32 << 14)

        def script(connection):
            request = connection.read_head()
            if request.one("pow-solution") is None:
                # Challenges without taking the body, as servers may.
                connection.answer("", "429 X", [("PoW-Challenge", field())])
                connection.expect_closed()
            else:
                connection.answer(str(len(connection.read_body(request))))

        result = self.fetch(self.scripted(script), "-d", "@-", data=big)
        self.assertEqual((result.returncode, result.stdout), (0, str(len(big)).encode()), result)

        def refusing(connection):
            connection.read_head()
            connection.answer("too large", "413 X")
            self.over.wait(60)

        result = self.fetch(self.scripted(refusing), "-d", "@-", data=big)
        self.assertEqual((result.returncode, result.stdout), (22, b"too large"), result)


if __name__ == "__main__":
    unittest.main()
