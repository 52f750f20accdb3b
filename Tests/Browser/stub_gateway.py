"""A small gateway for the page's tests: it serves the page's files from the sources, issues challenges and redeems them
by `protocol.py`, and behind the page a site of its own. What it does wrong, a test tells it to.

It stands for one client and one policy, keeps everything in memory, and listens on loopback only.
"""

import json
import re
import secrets
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import pages
import protocol
from pages import ASSETS, BASE
from upstream import Running, site_answer

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
}
SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
    "worker-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'"
)
NO_OTHER_FORMS = "; form-action 'self'"
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40" width="160" height="40">'
    '<circle cx="20" cy="20" r="16" fill="#b4532a"/><text x="46" y="27" font-family="sans-serif" font-size="20" '
    'fill="#b4532a">Example</text></svg>'
)
FORM_BYTES_MAX = 64 * 1024


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
    # Empty: the page's own words.
    title: str = ""
    text: str = ""
    contact: str = "Write to help@example.com."
    logo: bool = False
    # Requests that are free, and how many of them a navigation must find left.
    free: int = 0
    reserve: int = 0
    security_policy: str = SECURITY_POLICY
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

    def charge(self, ticket: str | None, reserve: int) -> bool:
        with self.lock:
            if self.settings.free > reserve:
                self.settings.free -= 1
                return True
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
        self.body = b""
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
        settings = self.gateway.settings
        headers = {"Content-Security-Policy": settings.security_policy, "X-Content-Type-Options": "nosniff"}
        if name == "logo/site" and settings.logo:
            headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
            self.answer(200, TYPES[".svg"], LOGO.encode(), headers)
            return
        name = name.removeprefix(f"{pages.VERSION}/")
        file = ASSETS / name
        if name in settings.missing or "/" in name or name == "page.html" or not file.is_file():
            self.problem(404, "not-found")
        else:
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
        is_form = self.headers.get("Content-Type") == "application/x-www-form-urlencoded"
        if is_form:
            request = dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))
            pasted = request["solution"].strip()
            request |= json.loads(pasted) if pasted.startswith("{") else {"solution": pasted}
        elif self.headers.get("Content-Type") == "application/json":
            request = json.loads(self.body)
        else:
            self.problem(415, "malformed")
            return
        status, kind, ticket = self.gateway.redeem(request["challenge"], request["solution"], key)
        self.gateway.note("POST", self.path, kind or "redeemed")
        if self.carry_out(script):
            return
        if status != 200:
            if is_form:
                self.message(kind, status, return_path=request["return"], retry=True)
            else:
                self.problem(status, kind)
            return
        cookie = f"tollgate_site={ticket}; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"
        headers = {"Set-Cookie": cookie} if self.gateway.settings.set_cookie else {}
        if is_form:
            self.answer(303, "text/plain", b"", {**headers, "Location": request["return"]})
        else:
            body = json.dumps({"pass": ticket, "grants": self.gateway.settings.grants, "expires_in": 600}).encode()
            self.answer(200, "application/json", body, headers)

    @property
    def language(self) -> str:
        return pages.language_of(self.headers.get("Accept-Language", ""))

    def show(self, status: int, page: str, replays: bool = False):
        policy = self.gateway.settings.security_policy + ("" if replays else NO_OTHER_FORMS)
        headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "Vary": "Accept, Accept-Language, Sec-Fetch-Dest",
        }
        self.answer(status, TYPES[".html"], page.encode(), headers)

    def common(self) -> dict[str, str]:
        settings = self.gateway.settings
        logo = f"{BASE}page/logo/site" if settings.logo else ""
        return {"contact": settings.contact, "logo": logo, "request_id": "01J9Z3V7Q4", "policy": "site"}

    def message(self, kind: str, status: int, **values):
        self.show(status, pages.message_page(self.language, kind, status, **self.common() | values))

    def site(self, method: str, path: str):
        settings = self.gateway.settings
        navigates = self.headers.get("Sec-Fetch-Dest") in ("document", "iframe")
        if self.gateway.charge(self.ticket(), settings.reserve if navigates else 0):
            self.gateway.note(method, self.path, "site")
            status, body, fields = site_answer(method, self.path, self.body)
            self.answer(status, fields.pop("Content-Type"), body, fields)
            return
        if not navigates:
            self.gateway.note(method, self.path, "refused")
            self.problem(429, "work-required")
            return
        if path.startswith("/message/"):
            # What the gateway answers to other refusals: /message/KIND?WAIT
            wait = urllib.parse.urlsplit(self.path).query
            detail = "The request has more than one Host field."
            self.message(path.split("/")[2], 400, wait=int(wait or 0), technical=detail, retry=True, return_path=self.path)
            return
        self.gateway.note(method, self.path, "page")
        form, lost = (None, "") if method == "GET" else self.form()
        page = pages.challenge_page(
            self.language, self.gateway.issue(), title=settings.title, text=settings.text, form=form, lost=lost,
            return_path=re.sub("^/+", "/", self.path), **self.common(),
        )  # fmt: skip
        self.show(429, page, replays=form is not None)

    def form(self) -> tuple[list[tuple[str, str]] | None, str]:
        """The fields of what was sent, or why it is lost."""
        if self.headers.get("Sec-Fetch-Site") != "same-origin":
            return None, "other_origin"
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return None, "other_type"
        if len(self.body) > FORM_BYTES_MAX:
            return None, "too_large"
        return urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body)), ""


class Stub(Running):
    """A running stub gateway."""

    def __init__(self, settings: Settings | None = None):
        self.gateway = Gateway(settings or Settings())
        super().__init__(type("BoundHandler", (Handler,), {"gateway": self.gateway}))
