"""Built-in route lists let by what cannot answer a challenge, and never around the ceiling. git is the real one."""

import http.server
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

from harness import TestCase

WORK = "work: { difficulty: 256, rounds: 2, grants: 10 }"


class BuiltinTests(TestCase):
    def serve(self, ceiling="{ rate: 1/day, burst: 100 }", upstream=None):
        if upstream is None:
            self.upstream = self.start_upstream()
            upstream = self.upstream.authority
        self.gateway = self.start_gateway(
            f"""
            upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
            routes:
              - {{ include: "builtin:well-known", upstream: app, policy: site }}
              - {{ include: "builtin:feeds", upstream: app, policy: site }}
              - {{ include: "builtin:git", upstream: app, policy: site }}
              - {{ include: "builtin:oci", upstream: app, policy: site }}
              - {{ name: rest, match: {{ path: "/*" }}, upstream: app, policy: site }}
            policies: {{ site: {{ preset: site, reserve: 0, free: {{ rate: 0 }}, ceiling: {ceiling}, {WORK} }} }}
            """
        )
        return self.connect(self.gateway)

    def temporary_folder(self):
        folder = tempfile.mkdtemp(prefix="tollgate-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def test_what_programs_need_is_let_by_where_nothing_is_free(self):
        client = self.serve()
        for method, path in (
            ("GET", "/robots.txt"),
            ("HEAD", "/robots.txt"),
            ("GET", "/.well-known/security.txt"),
            ("GET", "/feed.xml"),
            ("GET", "/team/app.git/info/refs?service=git-upload-pack"),
            ("POST", "/team/app.git/git-upload-pack"),
            ("GET", "/v2/"),
            ("GET", "/v2/team/app/manifests/latest"),
        ):
            with self.subTest(path=path):
                self.assertEqual(client.request(method, path).status, 200)

    def test_everything_else_is_challenged(self):
        client = self.serve()
        for method, path in (
            ("GET", "/"),
            ("POST", "/robots.txt"),
            ("GET", "/x/robots.txt"),
            ("GET", "/robots.txt/x"),
            ("POST", "/feed.xml"),
            ("DELETE", "/v2/team/app/manifests/latest"),
            ("GET", "/v3/"),
            ("GET", "/info"),
        ):
            with self.subTest(path=path):
                self.assertEqual(client.request(method, path).status, 401)

    def test_the_ceiling_holds_for_what_is_let_by(self):
        client = self.serve("{ rate: 1/day, burst: 7 }")
        statuses = [client.request("GET", "/robots.txt").status for _ in range(20)]
        self.assertEqual((statuses.count(200), statuses.count(429)), (7, 13))
        refusal = client.request("GET", "/robots.txt").json()
        self.assertEqual(refusal["type"], "urn:tollgate:over-limit")
        self.assertNotIn("challenge", refusal)

    def test_a_real_git_clones_and_pushes_nothing_around(self):
        git = shutil.which("git")
        self.assertIsNotNone(git, "git is missing")
        folder = pathlib.Path(self.temporary_folder())
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}
        for name in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{name}_NAME": "a", f"GIT_{name}_EMAIL": "a@example.com"}

        def run(*command):
            return subprocess.run([git, *command], env=environment, capture_output=True, text=True, timeout=60)

        for command in (
            ("init", "-q", "-b", "main", str(folder / "work")),
            ("-C", str(folder / "work"), "commit", "-q", "--allow-empty", "-m", "first"),
            ("clone", "-q", "--bare", str(folder / "work"), str(folder / "app.git")),
        ):
            done = run(*command)
            self.assertEqual(done.returncode, 0, done.stderr)
        server = GitServer(folder, environment)
        self.addCleanup(server.close)
        self.serve(upstream=server.authority)
        done = run("clone", f"{self.gateway.url}/app.git", str(folder / "copy"))
        self.assertEqual(done.returncode, 0, done.stderr)
        log = run("-C", str(folder / "copy"), "log", "--format=%s")
        self.assertEqual(log.stdout, "first\n")


class GitServer:
    """`git http-backend` behind a small server."""

    def __init__(self, folder, environment):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path, _, query = self.path.partition("?")
                length = int(self.headers.get("Content-Length") or 0)
                variables = {
                    "GIT_PROJECT_ROOT": str(folder),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(length),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    "REMOTE_ADDR": "127.0.0.1",
                }
                done = subprocess.run(
                    ["git", "http-backend"], input=self.rfile.read(length), capture_output=True, env={**environment, **variables}, timeout=60
                )
                head, _, body = done.stdout.partition(b"\r\n\r\n")
                fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
                status = next((int(value.split()[0]) for name, value in fields if name == "Status"), 200)
                self.send_response(status)
                for name, value in fields:
                    if name != "Status":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.authority = "127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


if __name__ == "__main__":
    unittest.main()
