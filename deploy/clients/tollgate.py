#!/usr/bin/env python3
"""A client for sites and APIs behind Tollgate: one file, standard library only, Python 3.9 or newer.

What is not free any more a Tollgate refuses with a challenge, a SHA-256 puzzle; whoever solves it gets a pass that pays
for the requests to come. A session does that by itself:

    with tollgate.Session() as session:
        print(session.get("https://api.example.com/v1/items").json())

With another HTTP library, two methods of the session do the part that is Tollgate's:

    sent = session.headers_for(url)
    answer = library.get(url, headers=sent)
    if session.pay(url, answer.status_code, answer.headers, answer.content, sent):
        answer = library.get(url, headers=session.headers_for(url))

As a command:

    python3 tollgate.py https://api.example.com/v1/items
    curl -s 'https://example.com/.well-known/tollgate/challenge?policy=api' | python3 tollgate.py --solve

Servers need not be trusted: hashes, time, waiting and the size of an answer are bounded, a pass or a solution goes to
the origin that asked for it and to no other, and nothing that a server says is sent back before it has been checked.
The protocol is on the page "The wire protocol, version 1" of Tollgate's documentation.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Union

__version__ = "0.1.0"

# Bounds that nobody needs to change; the first four are for one request.
CHALLENGES_MAX, REDIRECTS_MAX, WAITS_MAX, TRIES_MAX = 3, 10, 5, 3
CONNECT_SECONDS_MAX = 10
HEAD_BYTES_MAX, REFUSAL_BYTES_MAX, INTERIM_RESPONSES_MAX = 262_144, 65_536, 64
PASSES_MAX, IDLE_CONNECTIONS_MAX, PROCESSES_MAX = 4, 8, 64
CHUNK = 150_000  # Hashes that a process takes between two reports: some 50 ms.
WORTH_PROCESSES = 1_000_000  # Below so many expected hashes, starting processes takes longer than the work.

REDEEM_PATH = "/.well-known/tollgate/redeem"
TYPE_PREFIX = "urn:tollgate:"
# Requests that may be sent again where nobody knows whether they arrived (RFC 9110, section 9.2.2).
IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}
# Fields that the session sets, and no caller.
OWN_FIELDS = {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
OWN_FIELDS |= {"pow-pass", "pow-solution", "pow-idempotency-key"}

_TOKEN = r"[A-Za-z][A-Za-z0-9_-]{0,511}"
_DIGITS = r"[0-9]{1,9}"
_URL = r"[^\x00-\x20\x7f-\x9f\\\u2028\u2029]+"

Headers = Union[Mapping[str, str], Iterable[tuple[str, str]]]
_Fields = list[tuple[str, str]]


class TollgateError(Exception):
    """What keeps a request from being answered. Every other error of this module is one."""


class ChallengeError(TollgateError):
    """The server's challenge cannot be read."""


class TooMuchWork(TollgateError):
    """The challenge would take more hashes than are allowed for the request, or more time than it lives."""


class TimedOut(TollgateError, TimeoutError):
    """The request's time is over."""


class TooLarge(TollgateError):
    """The answer is larger than is allowed."""


class ConnectionFailed(TollgateError, ConnectionError):
    """No connection, a lost one, or no HTTP. A request such as POST may have been carried out all the same."""


class Refused(TollgateError):
    """The solution was refused for a reason that no other try would change."""


def _printable(text: object) -> str:
    """What a server said, for an error message: one line without anything that moves a terminal."""
    return ascii(str(text)[:200])[1:-1]


# Challenges


class Challenge(NamedTuple):
    """A puzzle as a server poses it, checked: its token may be sent back, its numbers are in their ranges."""

    token: str
    rounds: int  # How many numbers are to be found, 1 to 64.
    target: int  # What the first eight bytes of a round's digest may at most be.
    expires_in: int | None = None  # Seconds, where the server says so.
    redeem: str = REDEEM_PATH  # On the same origin.
    policy: str | None = None  # That asks for it, where the server says so.

    @property
    def expected_hashes(self) -> int:
        """Hashes that it takes on average."""
        return self.rounds * 2**64 // (self.target + 1)

    @classmethod
    def from_json(cls, value: object) -> Challenge:
        """Reads the object of `GET challenge`, or a whole refusal that holds one. Raises ChallengeError."""
        outer = value if isinstance(value, dict) else {}
        inner = outer.get("challenge")
        return cls._checked(inner if isinstance(inner, dict) else outer, outer.get("policy"))

    @classmethod
    def from_field(cls, text: str) -> Challenge:
        """Reads the value of a `PoW-Challenge` header. Raises ChallengeError."""
        token, *parameters = [part.strip(" \t") for part in text.split(";")]  # No value holds a semicolon.
        members: dict[str, object] = {}
        for name, _, value in (parameter.partition("=") for parameter in parameters):
            member = "algorithm" if name == "alg" else name.replace("-", "_")
            members[member] = int(value) if re.fullmatch(_DIGITS, value) else value.strip('"')
        return cls._checked({**members, "challenge": token})

    @classmethod
    def _checked(cls, members: dict[str, Any], policy: Any = None) -> Challenge:
        token, rounds, target, expires_in = map(members.get, ("challenge", "rounds", "target", "expires_in"))
        redeem = members.get("redeem", REDEEM_PATH)
        for name, what, is_good in [
            ("challenge", 'a letter and at most 511 letters, digits, "-" and "_"', _is_text(token, _TOKEN)),
            ("algorithm", "SHA-256", members.get("algorithm", "SHA-256") == "SHA-256"),
            ("rounds", "in 1 to 64", type(rounds) is int and 1 <= rounds <= 64),
            ("target", "16 hexadecimal digits", _is_text(target, "[0-9a-f]{16}")),
            ("expires_in", "a number of seconds", expires_in is None or type(expires_in) is int),
            ("redeem", "a path on the same origin", _is_text(redeem, r"/(?!/)[\x21-\x5b\x5d-\x7e]{0,1000}")),
        ]:
            if not is_good:
                raise ChallengeError(f'this is not a challenge: "{name}" is not {what}')
        policy = policy if _is_text(policy, "[A-Za-z0-9_-]{1,64}") else None
        return cls(str(token), int(rounds or 0), int(str(target), 16), expires_in, redeem, policy)


def _is_text(value: object, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _json_object(data: bytes) -> dict[str, Any]:
    """A server's JSON object, whatever it holds; an empty one where it is none."""
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(data)
        return value if isinstance(value, dict) else {}
    return {}


# Solving. Threads take chunks. As hashlib holds the interpreter's lock for so short a message, each has a process that
# searches for it: this same file, run with --worker, so that nothing depends on how the program around it was started.


class Solved(NamedTuple):
    """A challenge's solution, as the protocol writes it, and how many hashes it took."""

    solution: str
    hashes: int


def solve(
    challenge: Challenge, processes: int | None = None, timeout: float | None = None, max_hashes: int | None = None
) -> Solved:
    """Solves a challenge. Raises TooMuchWork or TimedOut.

    `processes`: how many search side by side; by default one for each processor, at most 8. `timeout`: seconds; the
    challenge's own time counts besides, from now. `max_hashes`: a challenge that is expected to take more is not begun.
    """
    started, expected, hashes = time.monotonic(), challenge.expected_hashes, 0
    if max_hashes is not None and expected > max_hashes:
        raise TooMuchWork(f"the challenge would take about {expected} hashes, more than {max_hashes}")
    seed = hashlib.sha256(challenge.token.encode("ascii")).digest()
    # A digest is at most this where its first eight bytes are at most the target, whatever follows them.
    limit = challenge.target.to_bytes(8, "big") + b"\xff" * 24
    starts, found = [0] * challenge.rounds, [-1] * challenge.rounds
    changed, is_over = threading.Condition(), threading.Event()

    def search(worker: subprocess.Popen[bytes] | None) -> None:
        """Takes a chunk after the other; searches it here where there is no process, or none that can be trusted."""
        nonlocal hashes
        while not is_over.is_set() and min(found) < 0:
            with changed:
                index = min(range(challenge.rounds), key=lambda index: (found[index] >= 0, starts[index]))
                start = starts[index]
                starts[index] += CHUNK
            prefix = seed + index.to_bytes(4, "big")
            number = None if worker is None else _ask(worker, prefix, limit, start)
            if number is None and is_over.is_set():
                return
            if number is None:
                worker, number = None, _first_hit(prefix, limit, start, CHUNK)
            with changed:
                hashes += CHUNK if number < 0 else number - start + 1
                if found[index] < 0:
                    found[index] = number
                    changed.notify_all()

    workers = _workers(processes) if expected >= WORTH_PROCESSES else []
    searchers: list[subprocess.Popen[bytes] | None] = [*workers] or [None]
    threads = [threading.Thread(target=search, args=(worker,), daemon=True) for worker in searchers]
    try:
        for thread in threads:
            thread.start()
        with changed:
            while not changed.wait_for(lambda: min(found) >= 0, 0.1):
                elapsed, so_far = time.monotonic() - started, f"{hashes} hashes, of about {expected},"
                if challenge.expires_in is not None and elapsed >= challenge.expires_in:
                    raise TooMuchWork(f"it expired before it was solved: {so_far} in its {challenge.expires_in} s")
                if timeout is not None and elapsed >= timeout:
                    raise TimedOut(f"no solution in {elapsed:.1f} s: {so_far} were taken")
    finally:
        is_over.set()
        for process in workers:
            process.kill()
        for thread in filter(threading.Thread.is_alive, threads):
            thread.join()
        for process in workers:
            process.communicate()  # Waits for its end, and closes its pipes.
    numbers = b"".join(number.to_bytes(8, "big") for number in found)
    return Solved(base64.urlsafe_b64encode(numbers).rstrip(b"=").decode("ascii"), hashes)


def _first_hit(prefix: bytes, limit: bytes, start: int, count: int) -> int:
    """The first n of `count` from `start` on whose digest is at most `limit`; -1 if there is none."""
    copy = hashlib.sha256(prefix).copy
    for n in range(start, start + count):
        attempt = copy()
        attempt.update(n.to_bytes(8, "big"))
        if attempt.digest() <= limit:
            return n
    return -1


def _ask(worker: subprocess.Popen[bytes], prefix: bytes, limit: bytes, start: int) -> int | None:
    """The first hit of a chunk, as a process finds it; None where it has no answer, or a wrong one."""
    assert worker.stdin is not None and worker.stdout is not None
    try:
        worker.stdin.write(f"{prefix.hex()} {limit.hex()} {start}\n".encode("ascii"))
        number = int(worker.stdout.readline(100))
    except (OSError, ValueError):
        return None
    is_hit = start <= number < start + CHUNK and _first_hit(prefix, limit, number, 1) == number
    return number if is_hit or number == -1 else None


def _workers(count: int | None) -> list[subprocess.Popen[bytes]]:
    """So many processes, or as many as can be started; none instead of a single one."""
    if count is None:
        count = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    workers: list[subprocess.Popen[bytes]] = []
    command = [sys.executable, "-I", "-S", os.path.abspath(__file__), "--worker"]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    # A program that is packed into one file is not to be started again instead.
    if count > 1 and sys.executable and os.path.isfile(__file__):
        with contextlib.suppress(OSError):
            for _ in range(min(count, PROCESSES_MAX)):
                workers.append(subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=null))
    return workers


def _work() -> int:
    """A worker process: takes chunks from standard input until it ends, and says what it finds."""
    for line in sys.stdin:
        prefix, limit, start = line.split()
        print(_first_hit(bytes.fromhex(prefix), bytes.fromhex(limit), int(start), CHUNK), flush=True)
    return 0


# HTTP


class _Location(NamedTuple):
    """A URL, taken apart and safe to send."""

    origin: str  # To whom a pass belongs: `https://example.com:8443`, without a default port.
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, url: str) -> _Location:
        """Raises ValueError."""
        parts = urllib.parse.urlsplit(url)
        if not re.fullmatch(_URL, url) or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https URL: {_printable(url)}")
        host, default = parts.hostname.encode("idna").decode("ascii").lower(), 443 if parts.scheme == "https" else 80
        port = default if parts.port is None else parts.port
        if "@" in parts.netloc or not re.fullmatch(r"[0-9a-z._:%-]+", host) or port == 0:
            raise ValueError(f"not a host and port without a user's name: {_printable(parts.netloc.rpartition('@')[2])}")
        origin = f"{parts.scheme}://[{host}]" if ":" in host else f"{parts.scheme}://{host}"
        target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._[]")
        if parts.query:
            target += "?" + urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._[]?")
        return cls(origin if port == default else f"{origin}:{port}", host, port, target)


class _Call:
    """One call of a session: what it may still cost, and what it has cost."""

    def __init__(self, seconds: float, max_hashes: int) -> None:
        self.seconds, self.end = seconds, time.monotonic() + seconds
        self.max_hashes, self.hashes, self.challenges, self.waits = max_hashes, 0, 0, 0

    def left(self) -> float:
        """Seconds that are left, more than 0 and at most a day. Raises TimedOut."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimedOut(f"the request took longer than {self.seconds:g} s")
        return min(left, 86_400)

    @contextlib.contextmanager
    def holding(self, lock: threading.Lock) -> Iterator[None]:
        """Waits for a lock as long as there is time."""
        while not lock.acquire(timeout=self.left()):
            pass
        try:
            yield
        finally:
            lock.release()


class _Wire(io.RawIOBase):
    """An answer's bytes as they arrive: none is waited for beyond the request's time, nor are there too many."""

    def __init__(self, sock: socket.socket, call: _Call, bytes_max: int) -> None:
        self._socket, self._call, self._bytes_left, self.has_ended = sock, call, bytes_max, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._bytes_left <= 0:
            raise TooLarge("the server's answer does not end")
        self._socket.settimeout(self._call.left())
        count = self._socket.recv_into(buffer)
        self._bytes_left -= count
        self.has_ended = count == 0
        return count

    def makefile(self, _: str) -> io.BufferedReader:
        """What http.client asks of a socket."""
        return io.BufferedReader(self)


def _connect(location: _Location, context: ssl.SSLContext, call: _Call) -> socket.socket:
    sock = socket.create_connection((location.host, location.port), min(CONNECT_SECONDS_MAX, call.left()))
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        is_secure = location.origin.startswith("https:")
        return context.wrap_socket(sock, server_hostname=location.host) if is_secure else sock
    except BaseException:
        sock.close()
        raise


def _exchange(
    sock: socket.socket, call: _Call, method: str, request: bytes, max_body: int
) -> tuple[http.client.HTTPResponse, bytes, bool]:
    """Sends a request and reads the answer: its head, its body, and whether the connection can be used again."""
    unsent = memoryview(request)
    # A server that has closed may have answered before it had everything, and said no.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while unsent:
            sock.settimeout(call.left())
            unsent = unsent[sock.send(unsent) :]
    wire = _Wire(sock, call, HEAD_BYTES_MAX + 8 * max(max_body, REFUSAL_BYTES_MAX))
    with http.client.HTTPResponse(wire, method=method) as answer:  # type: ignore[arg-type]
        for _ in range(INTERIM_RESPONSES_MAX + 1):
            answer.headers = None  # type: ignore[assignment]  # It reads the next head then.
            answer.begin()
            if answer.status >= 200:
                break
        if answer.status < 200 or wire.has_ended:
            raise http.client.HTTPException("the connection ended within the head, or interim responses do not end")
        if answer.status >= 400 and _is_problem(answer.headers):
            max_body = min(max_body, REFUSAL_BYTES_MAX)
        elif 400 <= answer.status < 500 and "PoW-Challenge" in answer.headers:
            return answer, b"", False  # A page beside a challenge is not waited for.
        body = bytearray()
        while part := answer.read(65_536):
            body += part
            if len(body) > max_body:
                raise TooLarge(f"the server's answer is larger than {max_body} bytes")
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        return answer, bytes(body), not unsent and not answer.will_close


class Response:
    """A server's final answer."""

    def __init__(self, answer: http.client.HTTPResponse, body: bytes, url: str) -> None:
        self.status: int = answer.status
        self.reason: str = answer.reason
        self.headers: http.client.HTTPMessage = answer.headers  # `["Content-Type"]`, `.get_all("Set-Cookie")`
        self.body = body
        self.url = url  # After redirects.
        self.challenges, self.hashes = 0, 0  # How many were solved for it, and how much work that was.

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as text, in the charset that the server names, else UTF-8; what is wrong in it is replaced."""
        with contextlib.suppress(LookupError):
            return self.body.decode(self.headers.get_content_charset() or "utf-8", "replace")
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body read as JSON. Raises ValueError."""
        return json.loads(self.body)

    @property
    def refusal(self) -> str | None:
        """Why a Tollgate refused: `over-limit`, `no-quorum` …; None if it did not."""
        return str(_problem(self.status, self.headers, self.body).get("type", ""))[len(TYPE_PREFIX) :] or None

    def raise_for_status(self) -> None:
        """Raises TollgateError where the status is 400 or above."""
        if not self.ok:
            why = f"{_printable(self.reason)} ({_printable(self.refusal)})" if self.refusal else _printable(self.reason)
            raise TollgateError(f"{self.status} {why} for {self.url}")


def _is_problem(headers: Any) -> bool:
    return str(headers.get("Content-Type")).split(";")[0].strip().lower() == "application/problem+json"


def _problem(status: int, headers: Any, body: bytes) -> dict[str, Any]:
    """What a Tollgate says about its refusal; empty where the answer is none."""
    is_problem = status >= 400 and _is_problem(headers) and len(body) <= REFUSAL_BYTES_MAX
    problem = _json_object(body) if is_problem else {}
    return problem if str(problem.get("type")).startswith(TYPE_PREFIX) else {}


def _asked(status: int, headers: Any, body: bytes) -> Challenge | None:
    """The challenge that an answer asks to be solved; None if it asks for none. Raises ChallengeError."""
    if not 400 <= status < 500:  # Whatever else carries a challenge has been done, and is not to be done twice.
        return None
    problem, field = _problem(status, headers, body), headers.get("PoW-Challenge")
    if problem.get("challenge") is not None:
        return Challenge.from_json(problem)
    return None if field is None else Challenge.from_field(field)


def _redirect(response: Response, location: _Location) -> _Location | None:
    """Where a redirect leads, if it stays within the origin."""
    target = response.headers.get("Location", "").strip()
    if response.status in (301, 302, 303, 307, 308) and re.fullmatch(_URL, target):
        with contextlib.suppress(ValueError):
            found = _Location.parse(urllib.parse.urljoin(response.url, target))
            return found if found.origin == location.origin else None
    return None


# Sessions


class _Pass(NamedTuple):
    token: str
    policy: str | None
    end: float  # By time.monotonic().


class _Origin:
    """What a session has for an origin. Who pays holds `paying`, so that other threads wait for the pass."""

    def __init__(self) -> None:
        self.paying, self.lock = threading.Lock(), threading.Lock()
        self.idle: list[socket.socket] = []
        self.passes: list[_Pass] = []  # The newest first.

    def take(self) -> socket.socket | None:
        """A kept connection that the server has not closed, and on which it has said nothing unasked."""
        with self.lock:
            while self.idle:
                sock = self.idle.pop()
                try:
                    sock.setblocking(False)
                    socket.socket.recv(sock, 1, socket.MSG_PEEK)  # The socket's own: that of TLS takes no flags.
                except BlockingIOError:
                    return sock
                except OSError:
                    pass
                sock.close()
        return None

    def header(self) -> dict[str, str]:
        """The passes that have not expired, as they are sent."""
        with self.lock:
            self.passes = [held for held in self.passes if held.end > time.monotonic()]
            return {"PoW-Pass": ", ".join(held.token for held in self.passes)} if self.passes else {}

    def has_other(self, policy: str | None, sent: Mapping[str, str]) -> bool:
        """Whether another thread has paid meanwhile. What was sent for this policy in vain is forgotten."""
        tokens, now = sent.get("PoW-Pass", "").split(", "), time.monotonic()
        with self.lock:
            for held in self.passes:
                if held.token not in tokens and held.end > now and (policy is None or held.policy in (None, policy)):
                    return True
            if policy is not None:
                self.passes = [held for held in self.passes if held.token not in tokens or held.policy != policy]
        return False

    def keep(self, token: object, policy: str | None, expires_in: object) -> bool:
        """Keeps a pass, in place of the policy's older one; False where it is none."""
        if not isinstance(token, str) or not re.fullmatch(_TOKEN, token):
            return False
        end = time.monotonic() + min(expires_in, 2**31) if type(expires_in) is int else float("inf")
        with self.lock:
            others = [held for held in self.passes if held.token != token and (not policy or held.policy != policy)]
            self.passes = [_Pass(token, policy, end), *others][:PASSES_MAX]
        return True


class Session:
    """Makes requests, solves what it must for them, and keeps passes and connections. Threads may share it.

    - `max_hashes`: most hashes that the challenges of one request may be expected to take, in all.
    - `timeout`: seconds for one request with everything that it needs: connections, challenges, waiting, the answer.
    - `max_wait`: longest `Retry-After` that is waited for, in seconds; a longer one is returned as the answer.
    - `max_body`: largest answer that is read, in bytes. It is held in memory.
    - `processes`: how many search for solutions; by default one for each processor, at most 8. 1 starts none.
    - `inline`: send the solution with the request itself and save a trip, where the request may be repeated (not POST
      or PATCH); otherwise it is redeemed by itself first.
    - `headers`: sent with each request.
    - `context`: for https, to trust other authorities than the system does.

    Proxies that the environment names are not used, and cookies are not kept.
    """

    def __init__(
        self, *, max_hashes: int = 1 << 30, timeout: float = 300.0, max_wait: float = 60.0, max_body: int = 64 << 20,
        processes: int | None = None, inline: bool = False, headers: Headers | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.max_hashes, self.timeout, self.max_wait, self.max_body = max_hashes, timeout, max_wait, max_body
        self.processes, self.inline, self._headers = processes, inline, _fields(headers)
        self._context = context or ssl.create_default_context()
        self._origins: dict[str, _Origin] = {}
        self._closed = threading.Event()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections and forgets the passes. A thread that waits for a `Retry-After` waits no longer."""
        self._closed.set()
        while self._origins:
            _, origin = self._origins.popitem()
            with origin.lock:
                for sock in origin.idle:
                    sock.close()

    def get(self, url: str, **options: Any) -> Response:
        """`request("GET", url, …)`."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Response:
        """`request("POST", url, …)`."""
        return self.request("POST", url, **options)

    def request(
        self, method: str, url: str, *, headers: Headers | None = None,
        data: bytes | str | Mapping[str, str] | None = None, json: Any = None,
        timeout: float | None = None, max_hashes: int | None = None,
    ) -> Response:  # fmt: skip
        """Makes a request and solves what it must for it; returns the server's answer, whatever its status.

        `data` is the body: bytes, text (sent as UTF-8), or fields of a form. `json` is a value to send instead. What is
        refused for work is paid for, at most three times; what is refused with a `Retry-After` within `max_wait` is
        sent again then; after that the refusal is the answer. Redirects are followed within the origin.
        Raises TollgateError, and ValueError for what is no URL, method or header.
        """
        if not re.fullmatch("(?!CONNECT)[A-Z][A-Z-]{0,31}", method):
            raise ValueError(f"not a method: {_printable(method)}")
        location, fields = _Location.parse(url), self._headers + _fields(headers)
        body, media_type = _body(data, json)
        if media_type and not any(name.lower() == "content-type" for name, _ in fields):
            fields.append(("Content-Type", media_type))
        hashes = self.max_hashes if max_hashes is None else max_hashes
        call = _Call(self.timeout if timeout is None else timeout, hashes)
        response = self._paid(call, method, location, fields, body)
        for _ in range(REDIRECTS_MAX):
            next_location = _redirect(response, location)
            if next_location is None:
                break
            if response.status in (301, 302, 303) and method not in ("GET", "HEAD"):
                method, body = "GET", None
                fields = [field for field in fields if not field[0].lower().startswith("content-")]
            response = self._paid(call, method, next_location, fields, body)
        response.challenges, response.hashes = call.challenges, call.hashes
        return response

    def headers_for(self, url: str) -> dict[str, str]:
        """The header to send with a request for this URL: its passes, or nothing. It is for this origin only."""
        return self._origin(_Location.parse(url)).header()

    def pay(
        self, url: str, status: int, headers: Mapping[str, str], body: bytes = b"",
        sent: Mapping[str, str] | None = None,
    ) -> bool:  # fmt: skip
        """Looks at an answer from this URL, and pays what it asks for: solves its challenge and redeems it.

        `headers` has a method `get` that does not regard case. `sent` is what `headers_for` said for the request: with
        it, threads that are refused at the same time pay once. Returns whether there is a new pass, so that the request
        is worth sending again, a few times at most; False where no work is asked for. Raises TollgateError.
        """
        location, challenge = _Location.parse(url), _asked(status, headers, body)
        if challenge is None:
            return False
        origin, call = self._origin(location), _Call(self.timeout, self.max_hashes)
        with call.holding(origin.paying):
            has_other = origin.has_other(challenge.policy, origin.header() if sent is None else sent)
            return has_other or self._redeem(call, location, challenge)

    def _paid(self, call: _Call, method: str, location: _Location, fields: _Fields, body: bytes | None) -> Response:
        """Sends the request, and again as long as something can be done about its refusal."""
        origin, may_repeat = self._origin(location), method in IDEMPOTENT
        while True:
            sent = origin.header()
            response = self._send(call, method, location, fields + [*sent.items()], body, may_repeat)
            challenge = _asked(response.status, response.headers, response.body)
            if challenge is not None and call.challenges < CHALLENGES_MAX:
                if challenge.expected_hashes > call.max_hashes - call.hashes and self._wait(call, response):
                    continue
                with call.holding(origin.paying):
                    if origin.has_other(challenge.policy, sent):
                        continue
                    if not (self.inline and may_repeat):
                        self._redeem(call, location, challenge)
                        continue
                    extra = [("PoW-Solution", f"{challenge.token}.{self._solve(call, challenge)}")]
                    extra += [("PoW-Idempotency-Key", secrets.token_hex(16))]
                    response = self._send(call, method, location, fields + extra, body, may_repeat)
                    origin.keep(response.headers.get("PoW-Pass"), challenge.policy, None)
                if response.refusal in ("expired", "already-spent", "work-required", "other-client"):
                    continue
            if response.refusal not in ("over-limit", "no-quorum") or not self._wait(call, response):
                return response

    def _solve(self, call: _Call, challenge: Challenge) -> str:
        call.challenges += 1
        solved = solve(challenge, self.processes, call.left(), max(0, call.max_hashes - call.hashes))
        call.hashes += solved.hashes
        return solved.solution

    def _redeem(self, call: _Call, location: _Location, challenge: Challenge) -> bool:
        """Solves and redeems a challenge; False where it turns out to be worth nothing, so that another is needed."""
        body = json.dumps({"challenge": challenge.token, "solution": self._solve(call, challenge)}).encode("ascii")
        # The session's headers go along, as something before the gateway may ask for them; the request's do not.
        fields = [field for field in self._headers if not field[0].lower().startswith(("content-", "accept"))]
        # With the same key it may be sent again, where its answer is lost and where the gateway cannot decide.
        fields += [("Content-Type", "application/json"), ("Idempotency-Key", secrets.token_hex(16))]
        location = location._replace(target=challenge.redeem)
        response = self._send(call, "POST", location, fields, body, True)
        while response.refusal == "no-quorum" and self._wait(call, response):
            response = self._send(call, "POST", location, fields, body, True)
        kind = response.refusal
        if response.status == 200:
            value, cookie = _json_object(response.body), response.headers.get("Set-Cookie", "")
            named = re.match("(?:__Host-)?tollgate_([A-Za-z0-9_-]{1,64})=", cookie)
            policy = named.group(1) if named else challenge.policy
            if not self._origin(location).keep(value.get("pass"), policy, value.get("expires_in")):
                raise Refused("the server's answer holds no pass")
            return True
        if kind == "other-client" and call.challenges < CHALLENGES_MAX:
            other = _asked(response.status, response.headers, response.body)
            if other is not None:
                return self._redeem(call, location, other)
        if kind not in ("expired", "already-spent"):
            raise Refused(f"the solution was refused: {response.status} {_printable(kind or response.reason)}")
        return False

    def _wait(self, call: _Call, response: Response) -> bool:
        """Waits as long as a refusal says; False where that is too long, or has been done too often."""
        value = response.headers.get("Retry-After", "").strip()
        if not re.fullmatch(_DIGITS, value) or int(value) > self.max_wait or call.waits >= WAITS_MAX:
            return False
        call.waits += 1
        return int(value) < call.left() and not self._closed.wait(int(value))

    def _send(
        self, call: _Call, method: str, location: _Location, fields: _Fields, body: bytes | None, may_repeat: bool
    ) -> Response:
        """One request and its answer; sent again where a connection is lost and that can do no harm."""
        names, authority = {name.lower() for name, _ in fields}, location.origin.partition("//")[2]
        defaults = [("Accept", "*/*"), ("User-Agent", f"tollgate-python/{__version__}")]
        fields = [("Host", authority)] + [field for field in defaults if field[0].lower() not in names] + fields
        if body is not None:
            fields.append(("Content-Length", str(len(body))))
        # No line can hold the end of another: all parts have been checked.
        lines = [f"{method} {location.target} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields]
        request = "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
        origin = self._origin(location)
        for tries_left in reversed(range(TRIES_MAX if may_repeat else 1)):
            sock = None
            try:
                sock = origin.take() or _connect(location, self._context, call)
                answer, content, is_reusable = _exchange(sock, call, method, request, self.max_body)
            except (TollgateError, OSError, ValueError, http.client.HTTPException) as error:
                if sock is not None:
                    sock.close()
                if isinstance(error, TollgateError):
                    raise
                call.left()
                if sock is None or tries_left == 0:
                    what = f"cannot connect to {authority}" if sock is None else "the connection is lost or not HTTP"
                    raise ConnectionFailed(f"{what}: {type(error).__name__} {_printable(error)}") from error
            else:
                with origin.lock:
                    if is_reusable and not self._closed.is_set() and len(origin.idle) < IDLE_CONNECTIONS_MAX:
                        origin.idle.append(sock)
                    else:
                        sock.close()
                return Response(answer, content, location.origin + location.target)
        raise AssertionError("the last try returns or raises")

    def _origin(self, location: _Location) -> _Origin:
        return self._origins.setdefault(location.origin, _Origin())


def _fields(headers: Headers | None) -> _Fields:
    """A caller's header fields, checked. Raises ValueError."""
    fields = list(headers.items() if isinstance(headers, Mapping) else headers or [])
    for name, value in fields:
        is_name = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}", name)
        if not is_name or not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value):
            raise ValueError(f"not a header: {_printable(name)}: {_printable(value)}")
        if name.lower() in OWN_FIELDS:
            raise ValueError(f"the session sets {name} itself")
    return fields


def _body(data: bytes | str | Mapping[str, str] | None, value: Any) -> tuple[bytes | None, str | None]:
    """The body and its media type."""
    if value is not None and data is not None:
        raise ValueError("a request has data or json, not both")
    if value is not None:
        return json.dumps(value).encode("utf-8"), "application/json"
    if isinstance(data, Mapping):
        return urllib.parse.urlencode(data).encode("ascii"), "application/x-www-form-urlencoded"
    if isinstance(data, str):
        return data.encode("utf-8"), "text/plain; charset=utf-8"
    return (None, None) if data is None else (bytes(data), "application/octet-stream")


# The command


def _main() -> int:
    parser = argparse.ArgumentParser(
        prog="tollgate.py",
        description="Makes a request to a site behind Tollgate, solves what it must for it, and prints the answer's body.",
        epilog="Exit codes: 0 the server answered with a status below 400; 22 with 400 or above; 1 there was no answer, "
        "or no solution; 2 the command line is wrong.",
    )
    option = parser.add_argument
    option("url", nargs="?", metavar="URL", help="an http or https URL")
    option("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'", help="may repeat")
    option("-X", "--method", help="GET by default, POST with --data")
    option("-d", "--data", help="a body as a form sends it; @FILE reads it from a file, @- from standard input")
    option("-i", "--include", action="store_true", help="print the answer's head, too")
    option("-v", "--verbose", action="store_true", help="say on standard error what it took")
    option("--inline", action="store_true", help="send the solution with the request itself")
    option("--timeout", type=float, default=300.0, metavar="SECONDS", help="for all of it (default: 300)")
    option("--max-wait", type=float, default=60.0, metavar="SECONDS", help="longest Retry-After to wait for (60)")
    option("--max-hashes", type=int, default=1 << 30, metavar="N", help="most work to accept (default: 2^30 hashes)")
    option("--max-body", type=int, default=64 << 20, metavar="BYTES", help="largest answer to read (default: 64 MiB)")
    option("--processes", type=int, metavar="N", help="how many search (default: one for each processor, at most 8)")
    option("--solve", action="store_true", help="solve the challenge on standard input and print what to redeem")
    options = parser.parse_args()
    if options.timeout <= 0 or options.max_hashes < 1 or (options.processes is not None and options.processes < 1):
        parser.error("--timeout, --max-hashes and --processes are positive")
    if options.solve == (options.url is not None):
        parser.error("give a URL, or --solve")
    try:
        return _solve_input(options) if options.solve else _fetch(options)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Nobody reads on, and nobody need hear of it.
    except (TollgateError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    except ValueError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return 130
    return 1


def _solve_input(options: argparse.Namespace) -> int:
    challenge, started = Challenge.from_json(_json_object(sys.stdin.buffer.read(REFUSAL_BYTES_MAX))), time.monotonic()
    solved = solve(challenge, options.processes, options.timeout, options.max_hashes)
    if options.verbose:
        seconds = time.monotonic() - started
        rate = f"{solved.hashes / seconds / 1e6:.1f} million a second"
        print(f"hashes: {solved.hashes}, in {seconds:.2f} s: {rate}", file=sys.stderr)
    print(json.dumps({"challenge": challenge.token, "solution": solved.solution}))
    return 0


def _fetch(options: argparse.Namespace) -> int:
    if not all(":" in text for text in options.header):
        raise ValueError("write a header as 'Name: value'")
    headers = [(name, value.strip(" \t")) for name, _, value in (text.partition(":") for text in options.header)]
    data = None if options.data is None else options.data.encode("utf-8")
    if data is not None and data.startswith(b"@"):
        with open(0 if data == b"@-" else options.data[1:], "rb") as file:
            data = file.read()
    if data is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    names = ("max_hashes", "timeout", "max_wait", "max_body", "processes", "inline")
    with Session(**{name: getattr(options, name) for name in names}) as session:
        method = options.method or ("GET" if data is None else "POST")
        response = session.request(method, options.url, headers=headers, data=data)
    if options.verbose:
        print(f"challenges: {response.challenges}, hashes: {response.hashes}", file=sys.stderr)
    if options.include:
        head = [f"HTTP/1.1 {response.status} {response.reason}"]
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        sys.stdout.buffer.write("\r\n".join([*head, "", ""]).encode("latin-1", "replace"))
    sys.stdout.buffer.write(response.body)
    sys.stdout.buffer.flush()
    return 0 if response.ok else 22


if __name__ == "__main__":
    sys.exit(_work() if sys.argv[1:] == ["--worker"] else _main())
