"""The Python client's solver: the vectors of the protocol, its processes and its bounds."""

import json
import os
import signal
import subprocess
import unittest

import protocol
from harness import TestCase
from python_client_case import tollgate

VECTORS = os.path.join(os.path.dirname(__file__), "..", "Vectors")
HARD = 2**64 // 100_000_000_000 - 1


def vectors(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        return json.load(file)


def document(**changes):
    return {"challenge": "abc", "algorithm": "SHA-256", "rounds": 1, "target": "f" * 16, "expires_in": 300, **changes}


class VectorTests(unittest.TestCase):
    def test_one_process_finds_the_smallest_numbers(self):
        cases = vectors("protocol-v1.json")["cases"] + vectors("puzzles-v1.json")["cases"]
        self.assertGreater(len(cases), 20)
        for case in cases:
            with self.subTest(token=case["token"], rounds=case["rounds"], difficulty=case["difficulty"]):
                challenge = tollgate.Challenge.from_json(
                    {"challenge": case["token"], "rounds": case["rounds"], "target": case["target"]}
                )
                self.assertEqual(tollgate.solve(challenge, processes=1).solution, case["smallest_solution"])

    def test_the_hashes_that_a_target_asks_for(self):
        for case in vectors("puzzles-v1.json")["targets"]:
            with self.subTest(**case):
                challenge = tollgate.Challenge("abc", case["rounds"], int(case["target"], 16))
                expected = max(int(case["difficulty"]), case["rounds"])
                self.assertLess(abs(challenge.expected_hashes - expected), max(2, expected * 0.4))


class ReadingTests(unittest.TestCase):
    def test_a_document_a_refusal_and_a_header_say_the_same(self):
        whole = document(challenge="a-_Z9", rounds=16, target="000010c6f7a0b5ec", redeem="/.well-known/tollgate/redeem", grants=9)
        field = 'a-_Z9;alg="SHA-256";rounds=16;target="000010c6f7a0b5ec";expires-in=300'
        expected = ("a-_Z9", 16, 0x10C6F7A0B5EC, 300, "/.well-known/tollgate/redeem")
        self.assertEqual(tollgate.Challenge.from_json(whole)[:5], expected)
        refusal = tollgate.Challenge.from_json({"type": "x", "policy": "api", "challenge": whole, "new": [1]})
        self.assertEqual(refusal, (*expected, "api"))
        self.assertEqual(tollgate.Challenge.from_field(field)[:5], expected)
        spaced = ' a-_Z9 ; expires-in=300;target="000010c6f7a0b5ec"; x=y;rounds=16 ;alg="SHA-256"'
        self.assertEqual(tollgate.Challenge.from_field(spaced)[:5], expected)

    def test_what_is_no_challenge(self):
        for changes in [
            {"challenge": ""}, {"challenge": "1a"}, {"challenge": "a b"}, {"challenge": "a\r\nX: y"}, {"challenge": "a" * 513},
            {"challenge": "é"}, {"challenge": 1}, {"challenge": None}, {"challenge": "a\n"}, {"algorithm": "MD5"}, {"algorithm": None},
            {"rounds": 0}, {"rounds": 65}, {"rounds": True}, {"rounds": 1.5}, {"rounds": "1"}, {"rounds": 2**99}, {"rounds": None},
            {"target": "F" * 16}, {"target": "f" * 15}, {"target": "+" + "f" * 15}, {"target": 1}, {"target": "f" * 16 + "\n"},
            {"expires_in": "x"}, {"expires_in": 1e9}, {"expires_in": True}, {"redeem": "//evil/"}, {"redeem": "https://evil/"},
            {"redeem": "redeem"}, {"redeem": "/\\evil"}, {"redeem": "/a b"}, {"redeem": "/a\r\nX: y"}, {"redeem": 1},
        ]:  # fmt: skip
            for value in [document(**changes), {"type": "x", "challenge": document(**changes)}]:
                with self.subTest(value=value), self.assertRaises(tollgate.ChallengeError):
                    tollgate.Challenge.from_json(value)
        for value in [None, [], "x", 1, {}]:
            with self.subTest(value=value), self.assertRaises(tollgate.ChallengeError):
                tollgate.Challenge.from_json(value)
        good = 'abc;alg="SHA-256";rounds=1;target="ffffffffffffffff"'
        for field in [
            "", "abc", "x" * 2000, good.replace("abc", "a.b"), good.replace("=1", "=-1"), good.replace("=1", "=1e3"),
            good.replace("=1", "=" + "1" * 99), good.replace("SHA-256", "x"), good.replace("target", "t"), good.replace("=1", "=١"),
        ]:  # fmt: skip
            with self.subTest(field=field), self.assertRaises(tollgate.ChallengeError):
                tollgate.Challenge.from_field(field)


class ProcessTests(TestCase):
    def challenge(self, difficulty=3_000_000, rounds=4):
        token = "T%x" % self.random.getrandbits(100)
        return tollgate.Challenge(token, rounds, int(protocol.target(difficulty, rounds), 16))

    def check(self, challenge, solved):
        whole = document(challenge=challenge.token, rounds=challenge.rounds, target=f"{challenge.target:016x}")
        self.assertIsNone(protocol.verify(whole, solved.solution))
        self.assertEqual(len(protocol.decode(solved.solution)), challenge.rounds)
        self.assertGreaterEqual(solved.hashes, challenge.rounds)

    def children(self):
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def test_several_processes_solve_it_and_are_gone(self):
        before = self.children()
        for processes in (2, 3):
            challenge = self.challenge()
            self.check(challenge, tollgate.solve(challenge, processes))
        self.assertEqual(self.children(), before)

    def test_more_processes_than_rounds(self):
        challenge = self.challenge(rounds=1)
        self.check(challenge, tollgate.solve(challenge, 3))

    def test_processes_that_die_are_done_without(self):
        started = []
        original = subprocess.Popen

        class Dying(original):
            def __init__(process, *arguments, **options):
                super().__init__(*arguments, **options)
                started.append(process)
                if len(started) != 2:
                    process.send_signal(signal.SIGKILL)

        self.replace(subprocess, "Popen", Dying)
        for _ in range(2):
            challenge = self.challenge()
            self.check(challenge, tollgate.solve(challenge, 2))
        self.assertEqual(len(started), 4)

    def test_where_no_process_can_be_started_there_is_one(self):
        def failing(*_, **__):
            raise OSError("no more processes")

        self.replace(subprocess, "Popen", failing)
        challenge = self.challenge()
        self.check(challenge, tollgate.solve(challenge, 4))

    def replace(self, module, name, value):
        original = getattr(module, name)
        setattr(module, name, value)
        self.addCleanup(setattr, module, name, original)

    def test_processes_that_lie_are_not_believed(self):
        original = subprocess.Popen

        def lying(command, **options):
            return original(["/bin/sh", "-c", "while read line; do echo 7; done"], **options)

        self.replace(subprocess, "Popen", lying)
        challenge = self.challenge()
        self.check(challenge, tollgate.solve(challenge, 2))

    def test_it_ends_with_its_time(self):
        before = self.children()
        for processes in (1, 2):
            challenge = tollgate.Challenge("abc", 1, HARD)
            with self.assertRaisesRegex(tollgate.TimedOut, "no solution in"):
                tollgate.solve(challenge, processes, timeout=0.3)
            with self.assertRaisesRegex(tollgate.TooMuchWork, "expired before it was solved: .* in its 0 s"):
                tollgate.solve(challenge._replace(expires_in=0), processes)
        self.assertEqual(self.children(), before)

    def test_too_much_work_is_not_begun(self):
        with self.assertRaisesRegex(tollgate.TooMuchWork, "about 18446744073709551616 hashes, more than 100"):
            tollgate.solve(tollgate.Challenge("abc", 1, 0), max_hashes=100)
        tollgate.solve(tollgate.Challenge("abc", 1, 2**64 - 1), max_hashes=1)


if __name__ == "__main__":
    unittest.main()
