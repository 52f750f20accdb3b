"""What the tests of the operator's interfaces share: a gateway with probes and an admin socket, and the program as a command."""

import os
import subprocess
import tempfile

from client import Client
from harness import BINARY, TestCase

# Ordinary values of the environment would lead the command elsewhere.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("TOLLGATE_ADMIN")}


def run(*arguments, environment=None):
    """Runs the program to its end."""
    return subprocess.run(
        [BINARY, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**CLEAN, **(environment or {})},
    )


class OperatorCase(TestCase):
    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="tollgate-test-")
        self.addCleanup(folder.cleanup)
        return folder.name

    def socket_path(self):
        return os.path.join(self.folder(), "admin.sock")

    def serve(self, policies, admin=None, more="", routes=""):
        """A gateway under these policies, of which `p` holds for every path that `routes` leaves."""
        self.upstream = self.start_upstream()
        admin = admin or f'{{ address: "unix:{self.socket_path()}" }}'
        text = f"""
            upstreams: {{ app: {{ servers: ["{self.upstream.authority}"] }} }}
            routes: [{routes} {{ name: api, match: {{ path: "/*" }}, upstream: app, policy: p }}]
            policies: {" ".join(policies.split())}
            admin: {admin}
            probes: {{ address: "127.0.0.1:0" }}
            {more}
        """
        self.gateway = self.start_gateway(text)
        return self.connect(self.gateway)

    def ask(self, path, method="GET", headers=(), address=None):
        """What the admin interface answers."""
        with Client(address or self.gateway.admin) as client:
            return client.request(method, path, headers)

    def refusal(self, request_id, **options):
        answer = self.ask("/v1/refusals/" + request_id, **options)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.header("content-type"), "application/json")
        return answer.json()
