"""What the tests of the proxy share: a gateway that lets everything by, before an upstream of raw sockets."""

import threading

from client import Closed, Violation
from harness import TestCase
from scripted_upstream import ScriptedUpstream, serve_ok


class ProxyCase(TestCase):
    def setUp(self):
        super().setUp()
        #: What scripts may wait for: set by the test, and in any case before their upstream is stopped.
        self.go = threading.Event()

    def scripted(self, script=serve_ok, **options):
        """A scripted upstream that ends with the test; what its script raised fails the test."""
        upstream = ScriptedUpstream(script, **options)
        self.addCleanup(upstream.stop)
        self.addCleanup(self.go.set)
        return upstream

    def proxy(self, servers, options="", limits="", client=None, more=""):
        """A gateway that forwards every request, uncounted.

        `servers`: a scripted upstream, or addresses. `options`: further fields of the upstream. `limits`: fields of `limits`.
        `client`: the listener's source of client addresses. `more`: further lines of the configuration.
        """
        addresses = [servers.address] if isinstance(servers, ScriptedUpstream) else servers
        quoted = ", ".join(f'"{address}"' for address in addresses)
        return self.start_gateway(
            "\n".join(
                [
                    'listeners: [{ address: "127.0.0.1:0"' + (f", client: {client}" if client else "") + " }]",
                    f"upstreams: {{ app: {{ servers: [{quoted}]{', ' + options if options else ''} }} }}",
                    'routes: [{ name: shut, match: { path: "/shut/*" }, deny: true },',
                    '         { name: all, match: { path: "/*" }, upstream: app, allow: true }]',
                    f"limits: {{ {limits} }}" if limits else "",
                    "log: { access: off }",
                    more,
                    "",
                ]
            )
        )

    def check_problem(self, response, status, kind):
        """A refusal as RFC 9457 has it, readable by people and programs."""
        self.assertEqual(response.status, status, response)
        self.assertEqual(response.header("content-type"), "application/problem+json")
        problem = response.json()
        self.assertEqual(problem["type"], "urn:tollgate:" + kind)
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["instance"], response.header("x-request-id"))
        self.assertGreater(len(problem["title"]), 5)
        self.assertGreater(len(problem["detail"]), 5)
        self.assertEqual(response.header("cache-control"), "no-store")

    def check_cut(self, client, method="GET"):
        """The response to come must not look complete: its framing is broken off, or the connection is reset."""
        try:
            response = client.read_response(method)
        except (Violation, Closed, ConnectionResetError):
            return
        self.fail(f"a response that was cut short looks complete: {response}")


def take(client, count):
    """Exactly that many bytes of what the client is sent."""
    while len(client.buffer) < count:
        piece = client.socket.recv(65_536)
        if not piece:
            raise AssertionError(f"the connection ended after {client.buffer!r}")
        client.buffer += piece
    taken, client.buffer = client.buffer[:count], client.buffer[count:]
    return taken


def expect_end(client):
    """Waits for the end of the connection; returns what came before it."""
    rest = client.buffer
    try:
        while piece := client.socket.recv(65_536):
            rest += piece
    except ConnectionResetError:
        pass
    client.close()
    return rest
