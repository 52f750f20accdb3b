"""Who reads the access log delays nobody: pipes that stand still, that are gone, that were never there."""

import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from client import Client
from harness import BINARY, TestCase


class ReaderTests(TestCase):
    """Readers that do not read: the program is run with pipes of the test's own."""

    PATH = "/" + "x" * 1_900
    # More than the pipe and the buffer hold together.
    REQUESTS = 4_000

    def configuration(self, more=""):
        folder = tempfile.TemporaryDirectory(prefix="tollgate-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "tollgate.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                'listeners: [{ address: "127.0.0.1:0" }]\n'
                'probes: { address: "127.0.0.1:0" }\n'
                'upstreams: { app: { servers: ["127.0.0.1:9"] } }\n'
                'routes: [{ name: all, match: { path: "/*" }, deny: true }]\n' + more
            )
        return path

    def start(self):
        read_end, write_end = os.pipe()
        self.addCleanup(self.close, read_end)
        command = [BINARY, "serve", "--config", self.configuration()]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.read_addresses(process.stderr)
        return process, read_end

    def read_addresses(self, log):
        addresses = {}
        while not {"listening", "probes"} <= addresses.keys():
            line = self.parsed(log.readline())
            if line["message"] in ("listening", "probes"):
                host, port = line["address"].rsplit(":", 1)
                addresses[line["message"]] = (host, int(port))
        self.address, self.probes = addresses["listening"], addresses["probes"]

    @staticmethod
    def parsed(line):
        try:
            return json.loads(line)
        except ValueError:
            return {"message": line.decode()}

    @staticmethod
    def close(descriptor):
        try:
            os.close(descriptor)
        except OSError:
            pass

    def load(self, count):
        """So many requests, each answered."""
        with Client(self.address) as client:
            head = client.head("GET", self.PATH)
            for _ in range(count // 100):
                client.send(head * 100)
                for _ in range(100):
                    self.assertEqual(client.read_response("GET").status, 403)

    def dropped(self):
        with Client(self.probes) as client:
            text = client.get("/metrics").body.decode()
        return int(re.search(r"^tollgate_access_log_dropped_total (\d+)$", text, re.MULTILINE).group(1))

    def logged(self, process, message):
        for line in process.stderr:
            line = self.parsed(line)
            if line["message"].startswith(message):
                return line
        self.fail(f"the log has ended without {message}")

    def test_a_reader_that_stands_still_delays_nobody(self):
        process, read_end = self.start()
        self.load(self.REQUESTS)
        dropped = self.dropped()
        self.assertGreater(dropped, 0)
        report = self.logged(process, "access log lines were lost")
        self.assertGreater(int(report["lines"]), 0)
        self.assertEqual(report["reason"], "the reader is too slow")
        # Whoever reads on finds whole lines, and learns of the rest from the number.
        lines = 0
        rest = b""
        while lines + dropped < self.REQUESTS:
            piece = os.read(read_end, 65_536)
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                self.assertEqual(json.loads(line)["status"], 403)
            lines += len(whole)
        self.assertEqual((lines + dropped, rest), (self.REQUESTS, b""))
        # And from then on nothing is lost.
        self.load(100)
        seen = 0
        while seen < 100:
            seen += os.read(read_end, 65_536).count(b"\n")
        self.assertEqual(self.dropped(), dropped)
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def test_a_reader_that_stands_still_does_not_keep_it_from_ending(self):
        process, _ = self.start()
        self.load(300)
        process.terminate()
        report = self.logged(process, "access log lines were lost")
        self.assertGreater(int(report["lines"]), 0)
        self.assertEqual(process.wait(30), 0)

    def test_a_reader_of_both_streams_that_stands_still_neither(self):
        # As in `tollgate serve 2>&1 | something`: the log's own lines have no other place to go.
        read_end, write_end = os.pipe()
        log = os.fdopen(read_end, "rb", buffering=0)
        self.addCleanup(log.close)
        path = self.configuration()
        process = subprocess.Popen(
            [BINARY, "serve", "--config", path], stdin=subprocess.DEVNULL, stdout=write_end, stderr=write_end
        )
        os.close(write_end)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.read_addresses(log)
        self.load(300)
        # Not even a short line has room.
        filler = os.open(f"/proc/self/fd/{read_end}", os.O_WRONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, filler)
        try:
            while True:
                os.write(filler, b"\n")
        except BlockingIOError:
            pass
        # What is told of a reload waits for nobody for long, and what is told of the end neither.
        with open(path, "a", encoding="utf-8") as file:
            file.write("log: { addresses: full }\n")
        process.send_signal(signal.SIGHUP)
        self.load(100)
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def test_a_disk_that_is_full_spoils_no_line_but_the_last(self):
        path = self.configuration()
        log = os.path.join(os.path.dirname(path), "access.log")
        # What the node keeps has room, and the log ends 300,000 bytes on.
        size = 256 << 20
        start = size - 300_000
        with open(log, "wb") as file:
            file.truncate(start)

        def prepare():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        with open(log, "ab") as file:
            process = subprocess.Popen(
                [BINARY, "serve", "--config", path],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.PIPE,
                restore_signals=False,
                preexec_fn=prepare,
            )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.read_addresses(process.stderr)
        self.load(200)
        self.assertEqual(self.logged(process, "access log lines were lost")["reason"], "File too large")
        self.assertEqual(os.path.getsize(log), size)
        # Room is made, by cutting off what stands there last in the middle of a line.
        os.truncate(log, start + 1_000)
        self.load(100)
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        with open(log, "rb") as file:
            file.seek(start)
            lines = file.read().split(b"\n")
        broken = [number for number, line in enumerate(lines) if not line.endswith(b"}")]
        self.assertEqual(lines[-1], b"")
        # The one that was cut off, and what stands behind the last line's end.
        self.assertEqual(len(broken), 2, broken)
        for number, line in enumerate(lines):
            if number not in broken:
                self.assertEqual(json.loads(line)["status"], 403)
        self.assertGreater(len(lines) - broken[0], 20)

    def test_a_reader_that_has_gone(self):
        process, read_end = self.start()
        os.close(read_end)
        self.load(300)
        report = self.logged(process, "access log lines were lost")
        self.assertEqual(report["reason"], "Broken pipe")
        self.assertGreater(self.dropped(), 0)
        self.load(100)
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def test_descriptors_that_were_closed_before_the_start(self):
        folder = tempfile.TemporaryDirectory(prefix="tollgate-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "tollgate.yaml")
        listener = os.path.join(folder.name, "listener.sock")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'listeners: [{{ address: "unix:{listener}" }}]\nupstream: "http://127.0.0.1:9"\n')
        # The next thing that is opened would get their numbers, and with them the log's lines: a client's connection.
        process = subprocess.Popen(["bash", "-c", 'exec "$0" serve --config "$1" <&- >&- 2>&-', BINARY, path])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        client = Client("unix:" + listener)
        self.addCleanup(client.close)
        deadline = time.monotonic() + 30
        while client.socket is None or client.socket.fileno() < 0:
            try:
                client.open()
            except OSError:
                client.close()
                self.assertIsNone(process.poll())
                self.assertLess(time.monotonic(), deadline)
        for _ in range(50):
            self.assertEqual(client.get("/").status, 502)
        for descriptor in range(3):
            self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/{descriptor}"), "/dev/null")
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def test_a_pipe_that_somebody_has_made_non_blocking(self):
        process, read_end = self.start()
        os.set_blocking(os.open(f"/proc/{process.pid}/fd/1", os.O_WRONLY | os.O_NONBLOCK), False)
        self.load(300)
        count = 0
        while count < 300:
            count += os.read(read_end, 65_536).count(b"\n")
        self.assertEqual((count, self.dropped()), (300, 0))

    def test_what_was_answered_is_written_before_the_end(self):
        process, read_end = self.start()
        reader = {}

        def read():
            with os.fdopen(os.dup(read_end), "rb") as file:
                reader["bytes"] = file.read()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        self.load(1_000)
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        thread.join(30)
        lines = reader["bytes"].split(b"\n")
        self.assertEqual((len(lines) - 1, lines[-1]), (1_000, b""))


if __name__ == "__main__":
    unittest.main()
