"""A configuration that changes under a running node: what holds from when on, and that a bad file changes nothing."""

import os
import shutil
import tempfile
import threading
import unittest

from harness import TestCase
from scripted_upstream import ScriptedUpstream


class Reload(TestCase):
    def setUp(self):
        super().setUp()
        self.upstream = ScriptedUpstream()
        self.addCleanup(self.upstream.stop)
        self.reloads = 0

    def text(self, burst=5, more="", work=""):
        return f"""
upstreams: {{ app: {{ servers: ["{self.upstream.address}"] }} }}
routes: [{{ name: all, match: {{ path: "/*" }}, upstream: app, policy: p }}]
policies:
  p:
    free: {{ rate: 1/day, burst: {burst} }}
    work: {{ difficulty: 64, rounds: 1 }}
    {work}
{more}
"""

    def admitted(self, gateway, tries=40):
        """How many requests pass before the first that does not."""
        client = self.connect(gateway)
        for count in range(tries):
            if client.get("/").status != 200:
                return count
        return tries

    def pass_exactly(self, gateway, count):
        client = self.connect(gateway)
        self.assertEqual([client.get("/").status for _ in range(count)], [200] * count)

    def reloaded(self, gateway):
        """Waits for one more reload."""
        self.reloads += 1
        gateway.wait_for(lambda lines: self.messages(lines, "configuration reloaded") >= self.reloads)

    @staticmethod
    def messages(lines, message):
        return sum(line.get("message") == message for line in lines)

    def refused(self, gateway, *parts):
        """Waits for the report of a file that was not taken, which says all of this."""
        gateway.wait_for(
            lambda lines: any(
                line.get("message") == "configuration not reloaded" and all(part in str(line) for part in parts)
                for line in lines
            )
        )

    def test_a_higher_limit_holds_from_the_next_request_on_and_what_was_used_stays_used(self):
        gateway = self.start_gateway(self.text(burst=5))
        self.pass_exactly(gateway, 3)
        gateway.write_config(self.text(burst=10))
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 7)

    def test_a_folder_that_is_replaced_is_noticed_though_the_kernel_does_not_tell_of_it(self):
        with tempfile.TemporaryDirectory(prefix="tollgate-test-") as folder:
            for name, burst in [("old", 5), ("new", 10)]:
                os.mkdir(os.path.join(folder, name))
                with open(os.path.join(folder, name, "tollgate.yaml"), "w", encoding="utf-8") as file:
                    file.write(f'listeners: [{{ address: "127.0.0.1:0" }}]\nnode: {{ data: "{folder}/data" }}\n{self.text(burst)}')
            link = os.path.join(folder, "current")
            os.symlink("old", link)
            gateway = self.start_gateway(arguments=["serve", "--config", os.path.join(link, "tollgate.yaml")])
            self.pass_exactly(gateway, 5)
            os.symlink("new", link + ".new")
            os.rename(link + ".new", link)
            gateway.wait_for(lambda lines: self.messages(lines, "configuration reloaded") == 1, timeout=120)
            self.assertEqual(self.admitted(gateway), 5)
            gateway.stop()

    def test_whatever_a_file_is_called_its_report_is_a_line_of_json(self):
        with tempfile.TemporaryDirectory(prefix="tollgate-test-") as folder:
            # Text that is written the other way round, and a character beyond the first plane.
            path = os.path.join(folder, "a\u202e\U0001d173b.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write('listeners: [{ address: "127.0.0.1:0" }]\nupstream: "http://127.0.0.1:9"\n')
            gateway = self.start_gateway(arguments=["serve", "--config", path])
            with open(path, "a", encoding="utf-8") as file:
                file.write("bogus: 1\n")
            gateway.reload()
            gateway.wait_for(lambda lines: any(path in line.get("error", "") for line in lines))

    def test_a_lower_limit_holds_from_the_next_request_on(self):
        gateway = self.start_gateway(self.text(burst=10))
        self.pass_exactly(gateway, 3)
        gateway.write_config(self.text(burst=5))
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 2)
        gateway.write_config(self.text(burst=10))
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 5)

    def test_a_file_that_forwards_nothing_is_not_taken_while_a_listener_forwards(self):
        gateway = self.start_gateway(self.text(burst=5))
        self.pass_exactly(gateway, 1)
        # Listeners stay as they are, and the routes of this file name no upstream.
        gateway.write_config(
            """
listeners: [{ address: "127.0.0.1:0", check: nginx }]
routes: [{ name: all, match: { path: "/*" }, policy: p }]
policies: { p: { free: { rate: 1/day, burst: 9 } } }
"""
        )
        self.refused(gateway, "check listeners only")
        self.assertEqual(self.admitted(gateway), 4)
        gateway.write_config(self.text(burst=6))
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 1)

    def test_other_changes_fill_nothing(self):
        gateway = self.start_gateway(self.text())
        self.assertEqual(self.admitted(gateway), 5)
        for more in ["log: { level: debug }", "limits: { headerCount: 50 }", "# a remark"]:
            gateway.write_config(self.text(more=more))
            self.reloaded(gateway)
            self.assertEqual(self.admitted(gateway), 0)

    def test_kept_connections_meet_the_new_limits(self):
        gateway = self.start_gateway(self.text(burst=1))
        client = self.connect(gateway)
        self.assertEqual([client.get("/").status for _ in range(2)], [200, 429])
        gateway.write_config(self.text(burst=3))
        self.reloaded(gateway)
        self.assertEqual([client.get("/").status for _ in range(3)], [200, 200, 429])

    def test_bounds_and_upstreams_change_too(self):
        gateway = self.start_gateway(self.text(burst=100))
        client = self.connect(gateway)
        self.assertEqual(client.post("/", b"x" * 100).status, 200)
        gateway.write_config(self.text(burst=100, more="limits: { bodyBytes: 10 }"))
        self.reloaded(gateway)
        self.assertEqual(client.post("/", b"x" * 100).status, 413)

        other = ScriptedUpstream()
        self.addCleanup(other.stop)
        gateway.write_config(self.text(burst=100).replace(self.upstream.address, other.address))
        self.reloaded(gateway)
        count = len(self.upstream.requests)
        self.pass_exactly(gateway, 5)
        self.assertEqual((len(other.requests), len(self.upstream.requests)), (5, count))
        # What the old upstream's pool held is given up.
        self.upstream.wait_for(lambda upstream: not upstream.open)

    def test_a_request_that_runs_is_finished_under_a_reload(self):
        go = threading.Event()

        def script(connection):
            while request := connection.read_request():
                if request.target == "/held":
                    self.assertTrue(go.wait(60))
                connection.answer(request.target)

        self.upstream.script = script
        gateway = self.start_gateway(self.text())
        client = self.connect(gateway)
        client.send(client.head("GET", "/held"))
        self.upstream.wait_for(lambda upstream: upstream.requests)
        other = ScriptedUpstream()
        self.addCleanup(other.stop)
        gateway.write_config(self.text(burst=9).replace(self.upstream.address, other.address))
        self.reloaded(gateway)
        go.set()
        self.assertEqual(client.read_response().body, b"/held")
        self.assertEqual(client.get("/next").body, b"GET /next HTTP/1.1")

    # How a change is noticed

    def test_a_file_that_is_written_in_place(self):
        gateway = self.start_gateway(self.text(burst=1))
        self.assertEqual(self.admitted(gateway), 1)
        with open(gateway.config_path, encoding="utf-8") as file:
            text = file.read()
        with open(gateway.config_path, "w", encoding="utf-8") as file:
            file.write(text.replace("burst: 1", "burst: 4"))
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 3)

    def linked(self, text):
        """A gateway whose file is a link into another folder, as Kubernetes mounts one; the two folders."""
        gateway = self.start_gateway(text)
        gateway.stop(keep_folder=True)
        folder = gateway.folder
        os.mkdir(os.path.join(folder, "1"))
        os.rename(gateway.config_path, os.path.join(folder, "1", "tollgate.yaml"))
        os.symlink("1", os.path.join(folder, "..data"))
        os.symlink(os.path.join("..data", "tollgate.yaml"), gateway.config_path)
        gateway.start()
        return gateway, folder

    def test_a_link_that_is_switched(self):
        gateway, folder = self.linked(self.text(burst=1))
        self.assertEqual(self.admitted(gateway), 1)
        shutil.copytree(os.path.join(folder, "1"), os.path.join(folder, "2"))
        path = os.path.join(folder, "2", "tollgate.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("burst: 1", "burst: 4"))
        os.symlink("2", os.path.join(folder, "..new"))
        os.rename(os.path.join(folder, "..new"), os.path.join(folder, "..data"))
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 3)

    def test_sighup(self):
        gateway = self.start_gateway(self.text(burst=1))
        gateway.stop(keep_folder=True)
        elsewhere = tempfile.TemporaryDirectory(prefix="tollgate-test-")
        self.addCleanup(elsewhere.cleanup)
        path = os.path.join(elsewhere.name, "real.yaml")
        shutil.move(gateway.config_path, path)
        os.symlink(path, gateway.config_path)
        gateway.start()
        self.assertEqual(self.admitted(gateway), 1)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("burst: 1", "burst: 4"))
        # Whether a change behind a link is noticed by itself or not: after the signal it holds.
        gateway.reload()
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 3)
        # A signal without a change is no harm, nor are many.
        for _ in range(20):
            gateway.reload()
        self.assertEqual(self.admitted(gateway), 0)

    def test_a_change_is_noticed_in_a_folder_where_other_files_change_all_the_time(self):
        gateway = self.start_gateway(self.text(burst=1))
        self.assertEqual(self.admitted(gateway), 1)
        stop = threading.Event()
        self.addCleanup(stop.set)

        def scribble():
            while not stop.wait(0.02):
                with open(os.path.join(gateway.folder, "noise"), "w", encoding="utf-8") as file:
                    file.write("x")

        scribbler = threading.Thread(target=scribble, daemon=True)
        scribbler.start()
        gateway.write_config(self.text(burst=4))
        try:
            self.reloaded(gateway)
        finally:
            stop.set()
            scribbler.join()
        self.assertEqual(self.admitted(gateway), 3)

    # Bad files

    def check_unchanged(self, gateway, used):
        self.assertEqual(self.admitted(gateway), 5 - used)
        self.assertEqual(self.messages(gateway.lines, "configuration reloaded"), self.reloads)

    def test_a_bad_file_changes_nothing_and_is_reported_with_its_line(self):
        gateway = self.start_gateway(self.text(burst=5))
        self.pass_exactly(gateway, 2)
        bad = self.text(burst=50).replace("rate: 1/day", "rate: 1/fortnight").replace("rounds: 1", "rounds: 99")
        gateway.write_config(bad)
        with open(gateway.config_path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        rate = next(number for number, line in enumerate(lines, 1) if "fortnight" in line)
        rounds = next(number for number, line in enumerate(lines, 1) if "rounds: 99" in line)
        self.refused(gateway, f"tollgate.yaml:{rate}:", "fortnight")
        self.refused(gateway, f"tollgate.yaml:{rounds}:", "rounds")
        self.pass_exactly(gateway, 1)
        # Every one of these is reported and passed over, and the next good one is taken.
        gateway.write_config("a: [")
        self.refused(gateway, "tollgate.yaml:")
        gateway.write_config(self.text(burst=6))
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 3)

    def test_a_file_that_is_gone_changes_nothing(self):
        gateway = self.start_gateway(self.text(burst=5))
        self.pass_exactly(gateway, 2)
        os.unlink(gateway.config_path)
        gateway.reload()
        self.refused(gateway, "tollgate.yaml")
        self.check_unchanged(gateway, used=2)
        gateway.write_config(self.text(burst=6))
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 1)

    def test_where_it_listens_does_not_change_and_it_says_so(self):
        gateway = self.start_gateway(self.text(burst=5))
        gateway.write_config('listeners: [{ address: "127.0.0.1:0", client: peer }]\n' + self.text(burst=30))
        gateway.wait_for(lambda lines: any(line.get("section") == "listeners" for line in lines))
        # The rest of the file holds, at the same address.
        self.reloaded(gateway)
        self.assertEqual(self.admitted(gateway), 30)

    def test_many_changes_end_with_the_last(self):
        gateway = self.start_gateway(self.text(burst=1))
        for burst in range(2, 30):
            gateway.write_config(self.text(burst=burst))
            gateway.reload()
        gateway.write_config(self.text(burst=30, more="# the last"))
        # However many of them were seen, the last one is, and then there is nothing left to do.
        for _ in range(200):
            if self.admitted(gateway, tries=1) == 0:
                break
        else:
            self.fail("the limit never holds")
        gateway.wait_for(lambda lines: self.messages(lines, "configuration reloaded") >= 1)
        self.assertEqual([line for line in gateway.lines if line.get("level") == "error"], [])
        used = len(self.upstream.requests)
        self.assertLessEqual(used, 30)


if __name__ == "__main__":
    unittest.main()
