"""A small gateway for the page's tests: it serves the page's files from the sources, issues challenges and redeems them
by `protocol.py`, and behind the page a site of its own. What it does wrong, a test tells it to.

It stands for one client and one policy, keeps everything in memory, and listens on loopback only.
"""

import html
import json
import pathlib
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import protocol
from upstream import Running, site_answer

BASE = "/.well-known/tollgate/"
ASSETS = pathlib.Path(__file__).resolve().parents[2] / "Sources/CPage/assets"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
}
SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
    "worker-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass
class Answer:
    """What a test wants to be answered, in place of the right answer. `drop` cuts the connection after the request was
    carried out, if `carry_out`, or before."""

    status: int = 0
    kind: str = ""
    headers: dict = field(default_factory=dict)
    members: dict = field(default_factory=dict)
    drop: bool = False
    carry_out: bool = False


@dataclass
class Settings:
    difficulty: int = 40_000
    rounds: int = 16
    expires_in: int = 300
    grants: int = 100
    set_cookie: bool = True
    title: str = "One moment, please"
    text: str = "Many requests come from your network just now."
    contact: str = "Write to help@example.com."
    # Answers for the next requests of a kind, first to last; the last one stays if `forever`.
    redeem: list = field(default_factory=list)
    challenge: list = field(default_factory=list)
    forever: bool = False
    missing: set = field(default_factory=set)  # page files that answer 404


class Gateway:
    """The state that a test looks at; one lock over all of it."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.lock = threading.Lock()
        self.issued: dict[str, tuple[int, int, float]] = {}  # token: rounds, target, when
        self.spent: dict[str, tuple[str, str]] = {}  # token: idempotency key, pass
        self.passes: dict[str, int] = {}  # pass: what is left of its grant
        self.log: list[tuple[str, str, str]] = []  # method, path with query, what was answered
        self.keys: list[str] = []  # the idempotency keys of all redemptions

    def note(self, *entry):
        with self.lock:
            self.log.append(entry)

    def count(self, answer: str) -> int:
        with self.lock:
            return sum(1 for entry in self.log if entry[2] == answer)

    def issue(self) -> dict:
        token = "A" + secrets.token_urlsafe(66)
        rounds = self.settings.rounds
        target = protocol.target_for(self.settings.difficulty, rounds)
        with self.lock:
            self.issued[token] = (rounds, target, time.monotonic())
        return {
            "challenge": token,
            "algorithm": "SHA-256",
            "rounds": rounds,
            "target": f"{target:016x}",
            "expires_in": self.settings.expires_in,
            "grants": self.settings.grants,
            "redeem": BASE + "redeem",
        }

    def redeem(self, token: str, solution: str, key: str) -> tuple[int, str, str]:
        """Status, the problem's kind, the pass."""
        with self.lock:
            if token not in self.issued:
                return 403, "wrong-solution", ""
            rounds, target, _ = self.issued[token]
            if token in self.spent:
                if key and self.spent[token][0] == key:
                    return 200, "", self.spent[token][1]
                return 409, "already-spent", ""
            if protocol.decode(solution, rounds) is None:
                return 400, "malformed", ""
            if not protocol.verify(token, rounds, target, solution):
                return 403, "wrong-solution", ""
            ticket = "P" + secrets.token_urlsafe(24)
            self.spent[token] = (key, ticket)
            self.passes[ticket] = self.settings.grants
            return 200, "", ticket

    def charge(self, ticket: str | None) -> bool:
        with self.lock:
            if ticket is None or self.passes.get(ticket, 0) == 0:
                return False
            self.passes[ticket] -= 1
            return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gateway: Gateway

    def log_message(self, *_):
        pass

    def answer(self, status: int, content_type: str, body: bytes, headers: dict | None = None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def problem(self, status: int, kind: str, headers: dict | None = None, members: dict | None = None):
        body = {"type": f"urn:tollgate:{kind}", "title": kind, "status": status, "instance": "r-1", **(members or {})}
        self.answer(status, "application/problem+json", json.dumps(body).encode(), headers)

    def scripted(self, answers: list) -> Answer | None:
        with self.gateway.lock:
            if not answers:
                return None
            return answers[0] if self.gateway.settings.forever and len(answers) == 1 else answers.pop(0)

    def carry_out(self, script: Answer | None) -> bool:
        """Follows a script; true: the request is answered. A dropped connection is dropped."""
        if script is None:
            return False
        if script.drop:
            self.close_connection = True
            return True
        members = dict(script.members)
        if members.pop("fresh", False):
            members["challenge"] = self.gateway.issue()
        self.problem(script.status, script.kind, script.headers, members)
        return True

    def ticket(self) -> str | None:
        found = re.search(r"(?:^|;\s*)tollgate_site=([^;]+)", self.headers.get("Cookie", ""))
        return found.group(1) if found else None

    def do_GET(self):
        self.handle_request("GET")

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        self.body = self.rfile.read(length)
        self.handle_request("POST")

    def handle_request(self, method: str):
        path = self.path.split("?")[0]
        if path == BASE + "redeem" and method == "POST":
            self.redeem()
        elif path == BASE + "challenge":
            script = self.scripted(self.gateway.settings.challenge)
            self.gateway.note(method, self.path, "challenge")
            if not self.carry_out(script):
                self.answer(200, "application/json", json.dumps(self.gateway.issue()).encode())
        elif path.startswith(BASE + "page/"):
            self.page_file(path.removeprefix(BASE + "page/"))
        elif path.startswith(BASE):
            self.problem(404, "not-found")
        else:
            self.site(method, path)

    def page_file(self, name: str):
        file = ASSETS / name
        if name in self.gateway.settings.missing or "/" in name or name == "page.html" or not file.is_file():
            self.problem(404, "not-found")
        else:
            headers = {"Content-Security-Policy": SECURITY_POLICY, "X-Content-Type-Options": "nosniff"}
            self.answer(200, TYPES[file.suffix], file.read_bytes(), headers)

    def redeem(self):
        key = self.headers.get("Idempotency-Key", "")
        with self.gateway.lock:
            self.gateway.keys.append(key)
        script = self.scripted(self.gateway.settings.redeem)
        if script and not script.carry_out:
            self.gateway.note("POST", self.path, "scripted")
            self.carry_out(script)
            return
        if self.headers.get("Content-Type") != "application/json":
            self.problem(415, "malformed")
            return
        request = json.loads(self.body)
        status, kind, ticket = self.gateway.redeem(request["challenge"], request["solution"], key)
        self.gateway.note("POST", self.path, kind or "redeemed")
        if self.carry_out(script):
            return
        if status != 200:
            self.problem(status, kind)
            return
        cookie = f"tollgate_site={ticket}; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"
        body = json.dumps({"pass": ticket, "grants": self.gateway.settings.grants, "expires_in": 600}).encode()
        self.answer(200, "application/json", body, {"Set-Cookie": cookie} if self.gateway.settings.set_cookie else {})

    def site(self, method: str, path: str):
        if self.gateway.charge(self.ticket()):
            self.gateway.note(method, self.path, "site")
            body, fields = site_answer(method, self.path)
            self.answer(200, fields.pop("Content-Type"), body, fields)
            return
        self.gateway.note(method, self.path, "page")
        settings = self.gateway.settings
        values = {
            "title": html.escape(settings.title),
            "text": html.escape(settings.text),
            "contact": html.escape(settings.contact),
            "request_id": "01J9Z3V7Q4",
            "policy": "site",
            "method": method,
            "base": BASE,
            "challenge": json.dumps(self.gateway.issue()).replace("<", "\\u003c"),
        }
        template = (ASSETS / "page.html").read_text()
        # One pass, so that a value that looks like a placeholder stays what it is; an unknown name is an error.
        page = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match.group(1)], template)
        headers = {"Content-Security-Policy": SECURITY_POLICY, "X-Content-Type-Options": "nosniff"}
        self.answer(429, TYPES[".html"], page.encode(), headers)


class Stub(Running):
    """A running stub gateway."""

    def __init__(self, settings: Settings | None = None):
        self.gateway = Gateway(settings or Settings())
        super().__init__(type("BoundHandler", (Handler,), {"gateway": self.gateway}))
