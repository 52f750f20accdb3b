"""What the tests of the Python client share: the client itself, a gateway, and a wire between them that can be listened to and cut.

    session = self.session(timeout=20)                 # closed with the test
    gateway = self.gateway_for("free: { rate: 0 }")    # a policy `p` on every path but those of `more`
    wire = self.wire(gateway)                          # wire.url; wire.requests: what went over it
    wire.lose = lambda request: …                      # whose answers never arrive
"""

import importlib.util
import os

from client import Client
from harness import TestCase
from scripted_upstream import ScriptedUpstream

PATH = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "deploy", "clients", "tollgate.py"))


def _load():
    spec = importlib.util.spec_from_file_location("tollgate", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tollgate = _load()

CONFIG = """
    upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
    policies:
      p: {{ {policy} }}
{policies}
    routes:
{routes}
      - {{ name: all, upstream: app, policy: p }}
"""
WORK = "work: { difficulty: 64, rounds: 4, grants: 5 }"


class Wire(ScriptedUpstream):
    """Passes requests on to a gateway and its answers back, unless they are to be lost."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.lose = lambda request: False
        #: Called with each request before it is passed on.
        self.before = lambda request: None
        super().__init__(self.pass_on)

    @property
    def url(self):
        return f"http://{self.address}"

    def sent(self, path):
        """The requests for a path, so far."""
        return [request for request in list(self.requests) if request.target.split("?")[0] == path]

    def pass_on(self, connection):
        with Client(self.gateway.address) as client:
            while True:
                request = connection.read_request()
                self.before(request)
                fields = [(name, value) for name, value in request.fields if name.lower() != "content-length"]
                response = client.request(request.method, request.target, fields, request.body or None)
                if self.lose(request):
                    return
                fields = [(name, value) for name, value in response.headers if name.lower() != "transfer-encoding"]
                fields = [field for field in fields if field[0].lower() != "content-length"]
                connection.answer(response.body, f"{response.status} {response.reason}", fields)


class PythonClientCase(TestCase):
    def setUp(self):
        super().setUp()
        self.upstream = self.start_upstream()

    def gateway_for(self, policy, policies="", routes=""):
        """A gateway whose policy `p` holds for every path that `routes`, lines of YAML, does not name."""
        return self.start_gateway(
            CONFIG.format(
                upstream=self.upstream.authority,
                policy=policy,
                policies=self.lines(policies),
                routes=self.lines(routes),
            )
        )

    @staticmethod
    def lines(text):
        return "\n".join("      " + line.strip() for line in text.strip().splitlines())

    def session(self, **options):
        options.setdefault("timeout", 60)
        session = tollgate.Session(**options)
        self.addCleanup(session.close)
        return session

    def wire(self, gateway):
        wire = Wire(gateway)
        self.addCleanup(wire.stop)
        return wire
