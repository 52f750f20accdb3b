"""`tollgate backup` and `tollgate recover`: what a node knew goes on in another cluster, and what must not go on does not."""

import json
import os
import resource
import signal
import stat
import subprocess
import unittest

import protocol
from client import Client
from harness import BINARY
from operator_case import OperatorCase, run

POLICIES = "{ p: { preset: api, consistency: strong, free: { rate: 1/day, burst: 3 }, ceiling: off, work: { difficulty: 64, rounds: 1, grants: 3 } } }"


class BackupCase(OperatorCase):
    def setUp(self):
        super().setUp()
        self.client = self.serve(POLICIES)

    def tollgate(self, *arguments):
        return run(*arguments, environment={"TOLLGATE_ADMIN": self.gateway.admin})

    def save(self):
        path = os.path.join(self.folder(), "backup")
        done = self.tollgate("backup", "save", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return path

    def cluster_id(self):
        return json.loads(self.tollgate("cluster", "status", "--json").stdout)["cluster_id"]

    def buy(self):
        challenge = self.client.get(protocol.CHALLENGE + "?policy=p").json()
        answer = protocol.redeem(self.client, challenge, protocol.solve(challenge))
        self.assertEqual(answer.status, 200, answer)
        return challenge, answer.json()["pass"]

    def use(self, token):
        return self.client.get("/paid", [("PoW-Pass", token)]).status

    def start_on(self, data):
        """The gateway again, on this folder."""
        os.rename(data, self.gateway.data) if data != self.gateway.data else None
        self.gateway.start()
        self.client = self.connect(self.gateway)

    def stop_gateway(self):
        self.gateway.terminate()
        self.assertEqual(self.gateway.wait_exit(), 0)
        self.gateway.stop(keep_folder=True)


class SaveTests(BackupCase):
    def test_only_its_owner_may_read_it_and_none_is_replaced(self):
        path = self.save()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        again = self.tollgate("backup", "save", path)
        self.assertEqual(again.returncode, 1)
        self.assertIn("there is a file of this name already", again.stderr)
        self.assertEqual(os.listdir(os.path.dirname(path)), ["backup"])

    def test_a_file_that_cannot_be_written_is_named_as_the_reason(self):
        self.assertEqual(signal.getsignal(signal.SIGXFSZ), signal.SIG_IGN, "a write that is too long is an error")
        folder = self.folder()
        done = subprocess.run(
            [BINARY, "backup", "save", folder + "/backup", "--admin", self.gateway.admin],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16)),
            restore_signals=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stderr, r"^error: .*/backup.partial: it cannot be written: File too large\.\n$")
        self.assertEqual(os.listdir(folder), [])

    def test_without_a_node_nothing_is_left(self):
        folder = self.folder()
        done = run("backup", "save", folder + "/backup", environment={"TOLLGATE_ADMIN": f"unix:{folder}/none.sock"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no socket", done.stderr)
        self.assertEqual(os.listdir(folder), [])


class RestoreTests(BackupCase):
    def test_quotas_go_on_and_what_was_bought_before_is_void(self):
        self.assertEqual([self.client.get("/a").status for _ in range(2)], [200, 200])
        _, token = self.buy()
        path = self.save()
        former = self.cluster_id()
        challenge, late = self.buy()
        self.stop_gateway()
        data = os.path.join(self.folder(), "data")
        done = run("backup", "restore", path, "--data", data)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertEqual(stat.S_IMODE(os.stat(data).st_mode), 0o700)
        os.rename(self.gateway.data, self.gateway.data + ".old")
        self.start_on(data)
        self.assertNotEqual(self.cluster_id(), former)
        self.assertEqual([self.client.get("/a").status for _ in range(2)], [200, 429], "two of three were used before")
        self.assertEqual([self.use(token), self.use(late)], [429, 429])
        again = protocol.redeem(self.client, challenge, protocol.solve(challenge))
        self.assertEqual((again.status, again.json()["type"]), (410, "urn:tollgate:expired"), "not a second time")
        _, fresh = self.buy()
        self.assertEqual(self.use(fresh), 200)

    def test_what_is_no_sound_backup_makes_nothing(self):
        with open(self.save(), "rb") as file:
            good = file.read()
        folder = self.folder()
        for name, damaged in {
            "flipped": good[: len(good) // 2] + bytes([good[len(good) // 2] ^ 1]) + good[len(good) // 2 + 1 :],
            "short": good[:-1],
            "long": good + b"\0",
            "empty": b"",
            "other": b"PK\3\4" + good,
        }.items():
            with self.subTest(name):
                with open(f"{folder}/{name}", "wb") as file:
                    file.write(damaged)
                done = run("backup", "restore", f"{folder}/{name}", "--data", f"{folder}/data-{name}")
                self.assertEqual(done.returncode, 1)
                self.assertIn("take another backup", done.stderr)
                self.assertFalse(os.path.exists(f"{folder}/data-{name}"))

    def test_a_name_that_no_node_can_have_is_refused(self):
        path = self.save()
        folder = self.folder()
        for name in ("", "a b", "a/b", "ä", "a" * 64):
            with self.subTest(name):
                done = run("backup", "restore", path, "--data", folder + "/data", "--name", name)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn("is not a name: use 1 to 63 letters", done.stderr)
        self.assertEqual(os.listdir(folder), [])

    def test_a_folder_that_is_not_empty_is_refused(self):
        path = self.save()
        folder = self.folder()
        with open(folder + "/notes", "w"):
            pass
        done = run("backup", "restore", path, "--data", folder)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("it is not empty (notes)", done.stderr)

    def test_a_restoration_that_was_cut_short_founds_nothing_and_can_be_repeated(self):
        self.assertEqual([self.client.get("/a").status for _ in range(2)], [200, 200])
        path = self.save()
        self.stop_gateway()
        data = self.gateway.data
        os.rename(data, data + ".old")
        os.mkdir(data, 0o700)
        cut = subprocess.run(
            [BINARY, "backup", "restore", path, "--data", data],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16)),
            restore_signals=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(cut.returncode, 1, cut)
        self.assertIn("restoring", os.listdir(data))
        started = run("serve", "--config", self.gateway.config_path)
        self.assertEqual(started.returncode, 1, started)
        self.assertIn("run `tollgate backup restore` into it again, or empty it", started.stderr)
        recovered = run("recover", "--data", data, "--accept-loss")
        self.assertEqual(recovered.returncode, 1, recovered)
        self.assertIn("a backup was being restored into it", recovered.stderr)
        again = run("backup", "restore", path, "--data", data)
        self.assertEqual((again.returncode, again.stderr), (0, ""), again)
        self.assertNotIn("restoring", os.listdir(data))
        self.start_on(data)
        self.assertEqual([self.client.get("/a").status for _ in range(2)], [200, 429], "two of three were used before")

    def test_a_folder_with_data_is_left_alone(self):
        path = self.save()
        while_it_runs = run("backup", "restore", path, "--data", self.gateway.data)
        self.assertEqual(while_it_runs.returncode, 1)
        self.assertIn("another process uses it", while_it_runs.stderr)
        self.stop_gateway()
        done = run("backup", "restore", path, "--data", self.gateway.data)
        self.assertEqual(done.returncode, 1)
        self.assertIn("holds a node's data already", done.stderr)
        self.start_on(self.gateway.data)


class RecoverTests(BackupCase):
    def test_all_that_the_folder_holds_goes_on_in_another_cluster(self):
        self.assertEqual([self.client.get("/a").status for _ in range(2)], [200, 200])
        challenge, token = self.buy()
        self.assertEqual(self.use(token), 200)
        former = self.cluster_id()
        data = self.gateway.data

        running = run("recover", "--data", data, "--accept-loss")
        self.assertEqual(running.returncode, 1)
        self.assertIn("another process uses it", running.stderr)
        self.assertEqual(self.client.get("/.well-known/tollgate/challenge?policy=p").status, 200, "it goes on")
        self.stop_gateway()
        asked = run("recover", "--data", data)
        self.assertEqual(asked.returncode, 1)
        self.assertIn(f"cluster   {former}", asked.stdout)
        self.assertIn("nothing was changed; say --accept-loss", asked.stderr)
        done = run("recover", "--data", data, "--accept-loss")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn("before-recovery.backup", done.stdout)

        self.start_on(data)
        self.assertNotEqual(self.cluster_id(), former)
        self.assertEqual([self.client.get("/a").status for _ in range(2)], [200, 429])
        self.assertEqual([self.use(token) for _ in range(3)], [200, 200, 429], "what is left of the pass is good")
        again = protocol.redeem(self.client, challenge, protocol.solve(challenge))
        self.assertEqual((again.status, again.json()["type"]), (409, "urn:tollgate:already-spent"))

    def damage(self):
        """Flips a bit of the last record of the log of the node, which is stopped. Returns the segment's path."""
        folder = os.path.join(self.gateway.data, "log")
        path = os.path.join(folder, max(os.listdir(folder)))
        with open(path, "r+b") as file:
            content = file.read().rstrip(b"\0")
            file.seek(len(content) - 1)
            file.write(bytes([content[-1] ^ 4]))
        return path

    def test_a_damaged_node_that_is_alone_says_one_thing(self):
        self.assertEqual(self.client.get("/a").status, 200)
        data = self.gateway.data
        self.stop_gateway()
        self.damage()
        before = sorted(os.listdir(data))
        started = run("serve", "--config", self.gateway.config_path)
        self.assertEqual(started.returncode, 1, started)
        said = started.stdout + started.stderr
        self.assertIn("the only one of its cluster that votes", said)
        self.assertIn("tollgate recover --data", said)
        for untrue in ("the node is another one from now on", "waits until", "damaged-<number>"):
            self.assertNotIn(untrue, said)
        self.assertEqual(sorted(os.listdir(data)), before, "nothing was moved")

    def test_a_log_that_was_set_aside_in_part_is_found_whole(self):
        former = self.cluster_id()
        self.assertEqual(self.tollgate("cluster", "compact").returncode, 0)
        for _ in range(3):
            self.client.get("/a")
        data = self.gateway.data
        self.stop_gateway()
        self.damage()
        whole = run("recover", "--data", data).stdout
        self.assertRegex(whole, r"(?m)^Damaged: .*/log/\S+: damaged at byte \d+")
        # As a node leaves it that is killed between its snapshots and its log.
        aside = os.path.join(data, "damaged-1")
        os.makedirs(aside + "/log")
        with open(aside + "/moving", "w"):
            pass
        os.rename(data + "/snapshots", aside + "/snapshots")
        os.mkdir(data + "/snapshots")
        found = run("recover", "--data", data)
        self.assertEqual(found.stdout.splitlines()[:4], whole.splitlines()[:4], found)
        self.assertIn(f"set aside in {aside}", found.stdout)
        done = run("recover", "--data", data, "--accept-loss")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn(f"set aside in {aside}", done.stdout)
        self.start_on(data)
        self.assertNotEqual(self.cluster_id(), former)

    def test_a_folder_without_a_state_is_refused(self):
        done = run("recover", "--data", self.folder(), "--accept-loss")
        self.assertEqual(done.returncode, 1)
        self.assertIn("it holds no state", done.stderr)


class StatusTests(BackupCase):
    def test_a_node_that_is_alone_says_so(self):
        done = self.tollgate("cluster", "status")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertRegex(done.stdout, r"node      \S+, leader, version ")
        self.assertRegex(done.stdout, r"NAME +ROLE +ADDRESS +REACHABLE +BEHIND\n\S+ +leader +\S+ +yes +0\n")
        document = json.loads(self.tollgate("cluster", "status", "--json", "--stale").stdout)
        self.assertEqual(len(document["members"]), 1)
        self.assertTrue(document["members"][0]["voter"])

    def test_each_command_that_cannot_be_says_why(self):
        name = json.loads(self.tollgate("cluster", "status", "--json").stdout)["node"]
        for arguments, reason in {
            ("add", "b"): "No node of the name b waits",
            ("add", name, "10.0.0.1:1"): "is a member already",
            ("remove", name): "is the only voter",
            ("replace", "b"): "There is no member b",
            ("promote", "b"): "There is no member b",
            ("transfer",): "There is no other voter",
            ("transfer", "b"): "There is no member b",
        }.items():
            with self.subTest(arguments):
                done = self.tollgate("cluster", *arguments)
                self.assertEqual((done.returncode, done.stdout), (1, ""), done)
                self.assertIn(reason, done.stderr)

    def test_whom_nobody_knows_is_removed_already(self):
        done = self.tollgate("cluster", "remove", "b")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn("There is no member b", done.stdout)

    def test_a_snapshot_is_made_at_once(self):
        self.client.get("/a")
        done = self.tollgate("cluster", "compact")
        self.assertEqual(done.returncode, 0, done)
        index = int(done.stdout.split()[-1].rstrip("."))
        document = json.loads(self.tollgate("cluster", "status", "--json").stdout)
        self.assertEqual(document["snapshot_index"], index)
        self.stop_gateway()
        self.start_on(self.gateway.data)
        self.assertEqual([self.client.get("/a").status for _ in range(3)], [200, 200, 429])

    def test_a_body_that_is_too_long_is_refused(self):
        with Client(self.gateway.admin) as client:
            fields = [("Content-Type", "application/json")]
            answer = client.request("POST", "/v1/cluster/members", fields, b'{"name": "' + b"b" * 20_000 + b'"}')
            self.assertEqual((answer.status, answer.json()["type"]), (413, "urn:tollgate:too-large"))
        answer = self.ask("/v1/cluster", method="PUT")
        self.assertEqual(answer.status, 405)


if __name__ == "__main__":
    unittest.main()
