"""`tollgate log inspect DIR`: on logs that an independent writer of the format has made, whole, torn, damaged and hostile."""

import hashlib
import os
import subprocess
import sys
import unittest

from harness import BINARY, SEED
from log_files import CONFIGURATION, HARD_STATE, NO_OPERATION, LogWriter, hard_state
from operator_case import OperatorCase, run

SECRET = b"the-cluster-secret-and-every-command"


class LogCase(OperatorCase):
    def setUp(self):
        super().setUp()
        self.directory = self.folder()
        self.writer = LogWriter(self.directory)
        self.snapshot = self.writer.snapshot(0, 0, SECRET * 4000)
        self.first = self.writer.segment()
        self.first.record(HARD_STATE, 1, 0, hard_state(1, self.writer.replica))
        self.first.record(NO_OPERATION, 1, 1)
        self.first.entry(1, 2, SECRET * 20)
        self.first.record(CONFIGURATION, 1, 3, self.writer.members)
        self.first.close()
        self.second = self.writer.segment(term=1, vote=self.writer.replica, last=(1, 3))
        self.second.entry(1, 4, SECRET)
        self.second.synchronized()
        self.last = self.second.entry(1, 5, bytes(1000))
        self.end = self.second.close()

    def files(self):
        """Every file and what is in it."""
        found = {}
        for folder, _, names in os.walk(self.directory):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        found[path] = hashlib.sha256(file.read()).hexdigest()
        return found

    def inspect(self, *arguments, status=0):
        before = self.files()
        result = run("log", "inspect", self.directory, *arguments)
        self.assertEqual(self.files(), before, "it changes nothing")
        self.assertEqual(result.returncode, status, result)
        self.assertNotIn(SECRET.decode(), result.stdout + result.stderr)
        return result.stdout

    def change(self, path, offset, data):
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(data)

    def byte(self, path, offset):
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(1)[0]


class WholeTests(LogCase):
    def test_segments_records_and_snapshots_are_told_without_what_is_in_them(self):
        output = self.inspect()
        replica, cluster = "52" * 16, "43" * 16
        owner = f'node "node-1", replica {replica}, cluster {cluster}'
        self.assertIn(f"{self.snapshot}: snapshot at term 0 index 0, {len(SECRET) * 4000} bytes, 1 members (1 voters), of {owner}", output)
        self.assertIn(f"{self.first.path}: segment 1, 8192 bytes, of {owner}", output)
        self.assertIn("start        term 0, no vote; the log goes on after term 0 index 0", output)
        self.assertIn(f"vote         term 1, vote for {replica}", output)
        self.assertIn("no-operation term 1 index 1", output)
        self.assertIn(f"command      term 1 index 2, {len(SECRET) * 20} bytes", output)
        self.assertIn("membership   term 1 index 3, 1 members (1 voters)", output)
        self.assertIn(f"start        term 1, vote for {replica}; the log goes on after term 1 index 3", output)
        self.assertRegex(output, rf"\n +{self.last} command      term 1 index 5, 1000 bytes\n")
        self.assertRegex(output, rf"\n +{self.end} end, {8192 - self.end} bytes are free\n")
        self.assertTrue(output.endswith("2 segments, 8 records, 1 snapshots; nothing is wrong.\n"), output)

    def test_a_summary_leaves_the_records_out(self):
        output = self.inspect("--summary")
        self.assertNotIn("command", output)
        self.assertIn("2 segments, 8 records, 1 snapshots; nothing is wrong.", output)

    def test_what_a_crash_leaves_is_no_damage(self):
        # The last record's second sector was never written.
        sector = (self.last // 512 + 1) * 512
        self.change(self.second.path, sector, bytes(512))
        output = self.inspect()
        self.assertIn(f"{self.last} torn tail of", output)
        self.assertIn("nothing is wrong", output)

    def test_unfinished_and_foreign_files_are_named(self):
        for name in ("log/0000000000000003.log.tmp", "snapshots/notes\x1b[31m.txt"):
            with open(os.path.join(self.directory, name), "wb") as file:
                file.write(SECRET)
        with open(os.path.join(self.directory, "creating"), "wb"):
            pass
        output = self.inspect()
        self.assertIn("0000000000000003.log.tmp: unfinished", output)
        self.assertIn("notes\\u{1b}[31m.txt: not a file of the log", output)
        self.assertNotIn("\x1b", output)
        self.assertIn("nothing in it counts", output)


class DamageTests(LogCase):
    def test_a_flipped_bit_is_damage_wherever_it_is(self):
        targets = [
            (self.first.path, 20, "its head"),
            (self.first.path, 513, "a record's header"),
            (self.second.path, self.last + 100, "a record's payload"),
            (self.second.path, self.last + 30, "a record's header"),
            (self.snapshot, 30, "its head"),
            (self.snapshot, 100_000, "a block"),
        ]
        for path, offset, word in targets:
            with self.subTest(path=path, offset=offset):
                good = self.byte(path, offset)
                self.change(path, offset, bytes([good ^ 0x08]))
                output = self.inspect(status=1)
                self.assertRegex(output, rf"wrong: .*{os.path.basename(path)}: damaged at byte \d+: {word}")
                self.assertRegex(output, r"[1-9] things are wrong\.\n\Z")
                self.change(path, offset, bytes([good]))
        self.inspect()

    def test_a_sector_that_was_durable_is_no_torn_tail(self):
        later = self.second.entry(1, 6, b"later")
        self.second.durable = later
        self.second.entry(1, 7, b"tells of it")
        self.second.close()
        self.change(self.second.path, (self.last // 512 + 1) * 512, bytes(512))
        self.assertIn("something is missing that had been synchronized", self.inspect(status=1))

    def test_a_missing_segment_and_a_missing_snapshot_are_told(self):
        os.remove(self.first.path)
        self.assertIn("entries are missing", self.inspect(status=1))
        os.remove(self.snapshot)
        self.assertIn("it is missing", self.inspect(status=1))

    def test_a_file_of_another_node_is_told(self):
        other = LogWriter(self.directory, node="node-2")
        other.snapshot(1, 3, b"x")
        output = self.inspect(status=1)
        self.assertIn('belongs to node "node-2"', output)


class HostileTests(LogCase):
    def test_no_log_is_an_error_and_not_an_empty_log(self):
        empty = self.folder()
        for path in (empty, os.path.join(empty, "nothing"), self.snapshot):
            result = run("log", "inspect", path)
            self.assertEqual((result.returncode, result.stdout), (1, ""), result)
            self.assertRegex(result.stderr, r"\Aerror: ")

    def test_a_mistyped_folder_is_told_in_words(self):
        # Arguments that are not UTF-8 cannot be opened; that is no failure of a disk either.
        nothing = os.path.join(self.directory, "nothing")
        raw = os.fsencode(self.directory) + b"/\xff"
        os.mkdir(raw)
        cases = [
            (nothing, f"error: {nothing}: there is no such folder.\n"),
            (raw, f"error: {self.directory}/\ufffd: there is no such folder.\n"),
            (self.snapshot, f"error: {self.snapshot}: opendir failed: it, or what it should lie in, is no folder; look at the path.\n"),
        ]
        for path, message in cases:
            result = run("log", "inspect", path)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (1, "", message))

    def test_a_folder_in_the_place_of_an_unfinished_file_is_told(self):
        folder = os.path.join(self.directory, "log", "0000000000000009.log.tmp")
        os.mkdir(folder)
        self.assertIn(f"wrong: {folder}: open failed: it is a folder; move it away", self.inspect(status=1))
        os.rmdir(folder)
        foreign = os.path.join(self.directory, "log", "x.tmp")
        os.mkdir(foreign)
        self.assertIn(f"{foreign}: not a file of the log; left alone", self.inspect())

    def test_a_head_that_tells_of_an_impossible_length_is_refused_at_once(self):
        for length in (1 << 40, (1 << 30) + 512, 512, 551):
            writer = LogWriter(self.folder())
            writer.snapshot(0, 0, b"x")
            segment = writer.segment(length=length)
            with open(segment.path, "wb") as file:
                file.write(segment.data[:length])
                file.truncate(length)
            result = run("log", "inspect", writer.folder)
            self.assertEqual(result.returncode, 1, result)
            self.assertIn("damaged at byte 0: its head's content makes no sense", result.stdout)

    def test_positions_beyond_the_last_are_damage(self):
        writer = LogWriter(self.folder())
        writer.snapshot(1, 2**64 - 2, b"x")
        writer.segment(last=(1, 2**64 - 2)).close()
        result = run("log", "inspect", writer.folder)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("its head's content makes no sense", result.stdout)
        self.assertIn("a record's content makes no sense", result.stdout)

    def test_pipes_links_folders_and_endless_files_in_the_place_of_segments(self):
        folder = os.path.join(self.directory, "log")
        os.mkfifo(os.path.join(folder, "0000000000000003.log"))
        os.symlink("/dev/zero", os.path.join(folder, "0000000000000004.log"))
        os.mkdir(os.path.join(folder, "0000000000000005.log"))
        with open(os.path.join(folder, "0000000000000006.log"), "wb") as file:
            file.truncate(1 << 40)
        with open(os.path.join(self.directory, "snapshots", "f" * 16 + "-" + "f" * 16 + ".snapshot"), "wb") as file:
            file.truncate(1 << 40)
        before = set(os.listdir(folder))
        result = run("log", "inspect", self.directory)
        self.assertEqual(result.returncode, 1, result)
        self.assertEqual(set(os.listdir(folder)), before)
        for number in range(3, 7):
            self.assertRegex(result.stdout, rf"wrong: .*{number}\.log", result)
        self.assertIn("term 1 index 4", result.stdout, "what is good is still told")

    def test_no_change_of_a_file_ends_it_in_another_way_than_by_a_message(self):
        paths = [self.first.path, self.second.path, self.snapshot]
        originals = {}
        for path in paths:
            with open(path, "rb") as file:
                originals[path] = file.read()
        for _ in range(60):
            path = self.random.choice(paths)
            data = bytearray(originals[path])
            for _ in range(self.random.choice([1, 2, 20, 500])):
                data[self.random.randrange(min(len(data), 4096))] = self.random.randrange(256)
            if self.random.random() < 0.3:
                del data[self.random.randrange(len(data)) :]
            with open(path, "wb") as file:
                file.write(data)
            result = run("log", "inspect", self.directory)
            # Most of the changes are damage; some meet bytes that nothing uses.
            self.assertIn(result.returncode, (0, 1), (SEED, path, result))
            self.assertRegex(result.stdout, r"(nothing is wrong|things are wrong)\.\n\Z")
            with open(path, "wb") as file:
                file.write(originals[path])

    def test_records_that_agree_with_their_checksums_and_make_no_sense(self):
        largest = 2**64 - 1
        cases = [
            lambda segment: segment.entry(1, largest, b"x"),
            lambda segment: segment.entry(1, 9, b"a gap"),
            lambda segment: segment.entry(1, 0, b"before the first"),
            lambda segment: segment.record(0x33, largest, largest),
            lambda segment: segment.record(0x77, 1, 6),
            lambda segment: segment.record(CONFIGURATION, 1, 6, b"\xff" * 40),
            lambda segment: segment.record(HARD_STATE, 5, 0, b"\x00"),
            lambda segment: segment.record(0x11, 1, 5, hard_state(1)),
        ]
        for case in cases:
            with self.subTest(case=cases.index(case)):
                data, previous = bytes(self.second.data), self.second.previous
                case(self.second)
                self.second.close()
                self.assertRegex(self.inspect(status=1), r"wrong: ")
                self.second.data, self.second.previous = bytearray(data), previous
                self.second.close()
        self.inspect()


class LostOutputTests(LogCase):
    def test_output_that_cannot_be_written_is_a_failure_of_its_own(self):
        for more in ([], ["--summary"]):
            with open("/dev/full", "wb") as full:
                result = subprocess.run([BINARY, "log", "inspect", self.directory, *more], stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(result.returncode, 74, result)
            self.assertEqual(result.stderr, b"error: cannot write to standard output\n")


# Runs in a process of its own: the peak of a child counts what its parent held when it made it.
PEAK = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); \
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"


class MemoryTests(OperatorCase):
    """An inspection holds one segment at a time, however long the log is."""

    def peak(self, segments, payload, length):
        """The most memory that an inspection takes, in MiB."""
        writer = LogWriter(self.folder())
        writer.snapshot(0, 0, b"x")
        for index in range(1, segments + 1):
            segment = writer.segment(length=length, last=(0, 0) if index == 1 else (1, index - 1))
            segment.entry(1, index, payload)
            segment.close()
        output = subprocess.run([sys.executable, "-c", PEAK, BINARY, "log", "inspect", writer.folder], capture_output=True, check=True)
        return int(output.stdout) >> 10

    def test_it_does_not_grow_with_the_log(self):
        payload = b"p" * (1 << 20)
        self.assertLess(self.peak(17, payload, 2 << 20), self.peak(2, payload, 2 << 20) + 8)

    def test_the_next_segment_is_not_read_for_its_head(self):
        self.assertLess(self.peak(2, b"p", 128 << 20), self.peak(1, b"p", 128 << 20) + 64)


if __name__ == "__main__":
    unittest.main()
