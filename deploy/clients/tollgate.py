#!/usr/bin/env python3
"""A client for sites and APIs behind Tollgate: one file, standard library only, Python 3.9 or newer.

A Tollgate lets some requests through for free. Past them it refuses with a challenge, a SHA-256 puzzle; whoever
solves it gets a pass that pays for the requests to come. This module does that by itself:

    import tollgate

    with tollgate.Session() as session:
        for page in range(1, 500):
            response = session.get(f"https://api.example.com/v1/items?page={page}")
            response.raise_for_status()
            print(response.json())

A session keeps its passes and its connections. It may be shared by threads: they share the passes, too, and while one
thread solves a challenge the others wait for its pass instead of solving their own.

What a server can make it do is bounded: `max_hashes` and `timeout` for each request, `max_wait` for a `Retry-After`,
`max_body` for an answer. A pass or a solution goes to the origin (scheme, host and port) that asked for it and to no
other; a redirect to another origin is returned and not followed. Nothing that a server says becomes part of a request
before its syntax has been checked.

With another HTTP library, `Session.headers_for` and `Session.pay` do the part that is Tollgate's:

    sent = session.headers_for(url)
    answer = library.get(url, headers=sent)
    if session.pay(url, answer.status_code, answer.headers, answer.content, sent):
        answer = library.get(url, headers=session.headers_for(url))

As a command:

    python3 tollgate.py https://api.example.com/v1/items
    curl -s 'https://example.com/.well-known/tollgate/challenge?policy=api' | python3 tollgate.py --solve

The protocol is described in Tollgate's documentation, on the page "The wire protocol, version 1".
"""

from __future__ import annotations

import argparse
import base64
import collections.abc
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
from typing import Any, Callable, Iterable, List, Mapping, NamedTuple, NoReturn, Optional, Tuple, Union

__version__ = "0.1.0"

__all__ = [
    "Challenge", "ChallengeError", "ConnectionFailed", "Refused", "Response", "Session", "Solved", "TimedOut",
    "TollgateError", "TooLarge", "TooMuchWork", "solve",
]  # fmt: skip

# Bounds that nobody needs to change. Times are in seconds.
REFUSAL_BYTES_MAX = 65_536
HEAD_BYTES_MAX = 262_144
INTERIM_RESPONSES_MAX = 64
REDIRECTS_MAX = 10
CHALLENGES_MAX = 3
WAITS_MAX = 5
TRIES_MAX = 3
PASSES_MAX = 4  # A gateway looks at no more.
IDLE_CONNECTIONS_MAX = 8
PROCESSES_MAX = 64
CONNECT_TIMEOUT = 10.0
SILENCE_TIMEOUT = 60.0
# Hashes that a worker takes between two reports: some 50 ms.
CHUNK = 150_000
# Below so many expected hashes, starting processes takes longer than the work.
WORTH_PROCESSES = 1_000_000
# A search that takes so many times what is expected has met something that cannot be.
BAD_LUCK = 32

REDEEM_PATH = "/.well-known/tollgate/redeem"
TYPE_PREFIX = "urn:tollgate:"
# Requests that may be sent again where nobody knows whether they arrived (RFC 9110, section 9.2.2).
IDEMPOTENT = frozenset(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"])
# Fields that the session sets, and no caller.
OWN_FIELDS = frozenset(
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"]
    + ["pow-pass", "pow-solution", "pow-idempotency-key"]
)

_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,511}", re.ASCII)
_TARGET = re.compile(r"[0-9a-f]{16}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
_POLICY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_COOKIE = re.compile(r"(?:__Host-)?tollgate_([A-Za-z0-9_-]{1,64})=", re.ASCII)
_PATH = re.compile(r"/(?!/)[\x21-\x5b\x5d-\x7e]{0,1000}", re.ASCII)
_METHOD = re.compile(r"[A-Z][A-Z-]{0,31}", re.ASCII)
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}", re.ASCII)
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_URL = re.compile(r"[^\x00-\x20\x7f-\x9f\\\u2028\u2029]+")

Headers = Union[Mapping[str, str], Iterable[Tuple[str, str]]]


# Errors


class TollgateError(Exception):
    """What keeps a request from being answered. Every other error of this module is one."""


class ChallengeError(TollgateError):
    """The server's challenge cannot be read."""


class TooMuchWork(TollgateError):
    """The challenge would take more hashes than are allowed for the request, or more time than it lives."""


class TimedOut(TollgateError, TimeoutError):
    """The request's time is over, or nothing has moved for a minute."""


class TooLarge(TollgateError):
    """The answer is larger than is allowed."""


class ConnectionFailed(TollgateError, ConnectionError):
    """There is no connection, it was lost, or what came over it is not HTTP.

    A request that is not idempotent, such as POST, may have been carried out all the same.
    """


class Refused(TollgateError):
    """The solution was refused for a reason that no other try would change."""


def _printable(text: object, limit: int = 200) -> str:
    """What a server said, for an error message: one line without anything that moves a terminal."""
    return ascii(str(text)[:limit])[1:-1]


# Challenges


class Challenge(NamedTuple):
    """A puzzle as a server poses it, checked: its token may be sent back, its numbers are in their ranges."""

    token: str
    """Opaque: a letter, then letters, digits, `-` and `_`, at most 512 characters."""
    rounds: int
    """How many numbers are to be found, 1 to 64."""
    target: int
    """What the first eight bytes of a round's digest may at most be."""
    expires_in: Optional[int] = None
    """Seconds for which it can be redeemed, where the server says so."""
    redeem: str = REDEEM_PATH
    """Where to redeem it: a path on the same origin."""
    policy: Optional[str] = None
    """The policy that asks for it, where the server says so."""

    @property
    def expected_hashes(self) -> int:
        """Hashes that it takes on average."""
        return self.rounds * 2**64 // (self.target + 1)

    @classmethod
    def from_json(cls, value: object) -> Challenge:
        """Reads the object of `GET challenge`, or a whole refusal that holds one. Raises ChallengeError."""
        if not isinstance(value, dict):
            raise ChallengeError("it is not a JSON object")
        inner = value.get("challenge")
        members = inner if isinstance(inner, dict) else value
        return cls._checked(
            token=members.get("challenge"),
            algorithm=members.get("algorithm", "SHA-256"),
            rounds=members.get("rounds"),
            target=members.get("target"),
            expires_in=members.get("expires_in"),
            redeem=members.get("redeem", REDEEM_PATH),
            policy=value.get("policy"),
        )

    @classmethod
    def from_field(cls, text: str) -> Challenge:
        """Reads the value of a `PoW-Challenge` header. Raises ChallengeError."""
        if len(text) > 1_024:
            raise ChallengeError("its header is too long")
        # Neither a token nor any value of these parameters holds a semicolon.
        token, *parts = [part.strip(" \t") for part in text.split(";")]
        parameters = {}
        for part in parts:
            name, _, value = part.partition("=")
            parameters[name] = value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value

        def number(name: str) -> Optional[int]:
            value = parameters.get(name, "")
            return int(value) if _DIGITS.fullmatch(value) else None

        return cls._checked(
            token=token,
            algorithm=parameters.get("alg", "SHA-256"),
            rounds=number("rounds"),
            target=parameters.get("target"),
            expires_in=number("expires-in"),
        )

    @classmethod
    def _checked(
        cls,
        token: object,
        algorithm: object,
        rounds: object,
        target: object,
        expires_in: object,
        redeem: object = REDEEM_PATH,
        policy: object = None,
    ) -> Challenge:
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ChallengeError('"challenge" is not a letter and at most 511 letters, digits, "-" and "_"')
        if algorithm != "SHA-256":
            raise ChallengeError(f"the algorithm is {_printable(algorithm, 64)}, not SHA-256")
        count = _integer(rounds)
        if count is None or not 1 <= count <= 64:
            raise ChallengeError('"rounds" is not in 1 to 64')
        if not isinstance(target, str) or not _TARGET.fullmatch(target):
            raise ChallengeError('"target" is not 16 hexadecimal digits')
        seconds = _integer(expires_in)
        if expires_in is not None and seconds is None:
            raise ChallengeError('"expires_in" is not a number of seconds')
        if not isinstance(redeem, str) or not _PATH.fullmatch(redeem):
            raise ChallengeError('"redeem" is not a path on the same origin')
        return cls(
            token=token,
            rounds=count,
            target=int(target, 16),
            expires_in=None if seconds is None else max(0, min(seconds, 2**31)),
            redeem=redeem,
            policy=policy if isinstance(policy, str) and _POLICY.fullmatch(policy) else None,
        )


def _integer(value: object) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _json_object(data: bytes) -> dict[str, Any]:
    """A server's JSON object, whatever it holds; an empty one where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


# Solving
#
# A round's message is seed ‖ round ‖ n: 44 bytes, one block. hashlib holds the interpreter's lock for so little, so
# threads would not help; worker processes do. They are this same file, run with --worker, so that nothing depends on
# how the program around it is started.


class Solved(NamedTuple):
    """A challenge's solution."""

    solution: str
    """As the protocol writes it: base64url of the numbers, 8 bytes each."""
    hashes: int
    """How many it took."""


def solve(
    challenge: Challenge,
    processes: Optional[int] = None,
    timeout: Optional[float] = None,
    max_hashes: Optional[int] = None,
) -> Solved:
    """Solves a challenge.

    `processes`: how many search side by side; by default one for each processor, at most 8. `timeout`: seconds; the
    challenge's own time counts besides, from now. `max_hashes`: a challenge that is expected to take more is not begun.
    Raises TooMuchWork or TimedOut.
    """
    expected = challenge.expected_hashes
    if max_hashes is not None and expected > max_hashes:
        raise TooMuchWork(f"the challenge would take about {expected} hashes, more than {max_hashes}")
    started = time.monotonic()
    search = _Search(challenge)
    count = _processes(processes) if expected >= WORTH_PROCESSES else 1
    workers = _Workers(search, count if count > 1 else 0)
    try:
        while not search.wait(0.1 if workers.any_alive() else 0):
            if not workers.any_alive():
                search.step()
            elapsed = time.monotonic() - started
            if challenge.expires_in is not None and elapsed >= challenge.expires_in:
                raise TooMuchWork(
                    f"the challenge expired before it was solved: {search.hashes} hashes in its "
                    f"{challenge.expires_in} s, of about {expected}"
                )
            if timeout is not None and elapsed >= timeout:
                raise TimedOut(f"no solution in {elapsed:.1f} s: {search.hashes} hashes, of about {expected}")
            if search.hashes > BAD_LUCK * expected + CHUNK * PROCESSES_MAX:
                raise TooMuchWork(f"no solution in {search.hashes} hashes, where about {expected} are expected")
    finally:
        workers.stop()
    return Solved(search.solution(), search.hashes)


def _processes(asked: Optional[int]) -> int:
    if asked is not None:
        return max(1, min(asked, PROCESSES_MAX))
    try:
        available = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        available = os.cpu_count() or 1
    return max(1, min(available, 8))


def _first_hit(prefix: bytes, limit: bytes, start: int, count: int) -> Optional[int]:
    """The first n of `count` from `start` on whose digest is at most `limit`."""
    copy = hashlib.sha256(prefix).copy
    for n in range(start, start + count):
        attempt = copy()
        attempt.update(n.to_bytes(8, "big"))
        if attempt.digest() <= limit:
            return n
    return None


class _Task(NamedTuple):
    round: int
    start: int
    size: int


class _Search:
    """What has been searched of a challenge and what has been found. May be used by several threads."""

    def __init__(self, challenge: Challenge) -> None:
        seed = hashlib.sha256(challenge.token.encode("ascii")).digest()
        self.prefixes = [seed + index.to_bytes(4, "big") for index in range(challenge.rounds)]
        # Its first eight bytes decide: whatever follows them, a digest is at most this where they are at most the target.
        self.limit = challenge.target.to_bytes(8, "big") + b"\xff" * 24
        self.hashes = 0
        self._next = [0] * challenge.rounds
        self._busy = [0] * challenge.rounds
        self._found: List[Optional[int]] = [None] * challenge.rounds
        self._again: List[_Task] = []
        self._is_over = False
        self._changed = threading.Condition()

    def take(self) -> Optional[_Task]:
        """The next piece to search: of the round that the fewest are busy with, as rounds are independent."""
        with self._changed:
            open_rounds = [index for index, number in enumerate(self._found) if number is None]
            if self._is_over or not open_rounds:
                return None
            while self._again:
                task = self._again.pop()
                if self._found[task.round] is None:
                    self._busy[task.round] += 1
                    return task
            index = min(open_rounds, key=lambda index: self._busy[index])
            task = _Task(index, self._next[index], CHUNK)
            self._next[index] += CHUNK
            self._busy[index] += 1
            return task

    def done(self, task: _Task, number: Optional[int]) -> None:
        with self._changed:
            self._busy[task.round] -= 1
            self.hashes += task.size if number is None else number - task.start + 1
            if number is not None and self._found[task.round] is None:
                self._found[task.round] = number
                self._changed.notify_all()

    def lost(self, task: _Task) -> None:
        """Whoever had it is gone."""
        with self._changed:
            self._busy[task.round] -= 1
            self._again.append(task)
            self._changed.notify_all()

    def step(self) -> None:
        """Searches one piece here."""
        task = self.take()
        if task is not None:
            self.done(task, _first_hit(self.prefixes[task.round], self.limit, task.start, task.size))

    def is_hit(self, task: _Task, number: int) -> bool:
        if not task.start <= number < task.start + task.size:
            return False
        return hashlib.sha256(self.prefixes[task.round] + number.to_bytes(8, "big")).digest() <= self.limit

    def _is_solved(self) -> bool:
        return all(number is not None for number in self._found)

    def wait(self, timeout: float) -> bool:
        """Waits until it is solved, or something else is to be looked at; whether it is solved."""
        with self._changed:
            if timeout > 0 and not self._is_solved():
                self._changed.wait(timeout)
            return self._is_solved()

    def stop(self) -> None:
        with self._changed:
            self._is_over = True

    def solution(self) -> str:
        numbers = b"".join((number or 0).to_bytes(8, "big") for number in self._found)
        return base64.urlsafe_b64encode(numbers).rstrip(b"=").decode("ascii")


class _Workers:
    """Processes that search, each driven by a thread. Where none can be started, or all have died, there are none."""

    def __init__(self, search: _Search, count: int) -> None:
        self._search = search
        self._processes: List[subprocess.Popen[bytes]] = []
        self._threads: List[threading.Thread] = []
        path = os.path.abspath(__file__)
        if count > 0 and not (sys.executable and os.path.isfile(path) and path.endswith(".py")):
            return
        for _ in range(count):
            try:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", path, "--worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except (OSError, ValueError):
                break
            thread = threading.Thread(target=self._drive, args=(process,), daemon=True)
            self._processes.append(process)
            self._threads.append(thread)
            thread.start()

    def any_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _drive(self, process: subprocess.Popen[bytes]) -> None:
        search = self._search
        assert process.stdin is not None and process.stdout is not None
        while True:
            task = search.take()
            if task is None:
                return
            order = f"{search.prefixes[task.round].hex()} {search.limit.hex()} {task.start} {task.size}\n"
            try:
                process.stdin.write(order.encode("ascii"))
                process.stdin.flush()
                answer = process.stdout.readline(100).decode("ascii", "replace").strip()
            except (OSError, ValueError):
                answer = ""
            number = int(answer) if answer.isdecimal() else None
            if answer == "none":
                search.done(task, None)
            elif number is not None and search.is_hit(task, number):
                search.done(task, number)
            else:
                search.lost(task)
                return

    def stop(self) -> None:
        self._search.stop()
        for process in self._processes:
            process.kill()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except OSError:
                        pass


def _work() -> None:
    """A worker process: takes pieces from standard input until it ends, and says what it finds."""
    for line in sys.stdin:
        prefix, limit, start, count = line.split()
        number = _first_hit(bytes.fromhex(prefix), bytes.fromhex(limit), int(start), int(count))
        print("none" if number is None else number, flush=True)


# HTTP


class _Address(NamedTuple):
    """An origin: to whom a pass belongs."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


class _Location(NamedTuple):
    """A URL, taken apart and safe to send."""

    address: _Address
    target: str

    @classmethod
    def parse(cls, url: str) -> _Location:
        """Raises ValueError."""
        if not _URL.fullmatch(url):
            raise ValueError(f"not a URL, since it has spaces, control characters or backslashes: {_printable(url)}")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https URL: {_printable(url)}")
        if "@" in parts.netloc:
            raise ValueError("the URL has a user name: send it in a header")
        try:
            host = parts.hostname.encode("ascii" if ":" in parts.hostname else "idna").decode("ascii").lower()
        except UnicodeError:
            raise ValueError(f"not a host's name: {_printable(parts.hostname)}") from None
        if not re.fullmatch(r"[0-9a-z._:%-]+", host):
            raise ValueError(f"not a host's name: {_printable(host)}")
        port = parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80
        if port == 0:
            raise ValueError("the URL has the port 0")
        target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._[]")
        if parts.query:
            target += "?" + urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._[]?")
        return cls(_Address(parts.scheme, host, port), target)

    @property
    def url(self) -> str:
        return f"{self.address.scheme}://{self.address.authority}{self.target}"


class _Time:
    """What is left of a request's time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """More than 0. Raises TimedOut."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimedOut(f"the request took longer than {self.seconds:g} s")
        return left


class _Wire(io.RawIOBase):
    """The bytes of one answer as they arrive: none is waited for beyond the request's time, nor are there too many."""

    def __init__(self, sock: socket.socket, clock: _Time, bytes_max: int) -> None:
        self._socket = sock
        self._clock = clock
        self._bytes_left = bytes_max
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._bytes_left <= 0:
            raise TooLarge("the server's answer does not end")
        self._socket.settimeout(min(SILENCE_TIMEOUT, self._clock.left()))
        count = self._socket.recv_into(buffer)
        self._bytes_left -= count
        self.has_ended = count == 0
        return count

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """What http.client asks of a socket."""
        return io.BufferedReader(self)


class _Answer(http.client.HTTPResponse):
    """Passes interim responses over: http.client does so for 100 alone."""

    def begin(self) -> None:
        for _ in range(INTERIM_RESPONSES_MAX + 1):
            super().begin()
            if self.status == 101 or self.status >= 200:
                return
            setattr(self, "headers", None)
        raise http.client.HTTPException(f"more than {INTERIM_RESPONSES_MAX} interim responses")


class _Connection:
    """One connection, for one request at a time."""

    def __init__(self, address: _Address, context: ssl.SSLContext, clock: _Time) -> None:
        """Connects. Raises ConnectionFailed or TimedOut."""
        try:
            sock = socket.create_connection((address.host, address.port), min(CONNECT_TIMEOUT, clock.left()))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                if address.scheme == "https":
                    sock = context.wrap_socket(sock, server_hostname=address.host)
            except BaseException:
                sock.close()
                raise
        except TollgateError:
            raise
        except (OSError, ValueError) as error:
            raise ConnectionFailed(f"cannot connect to {address.authority}: {_printable(error)}") from error
        self._socket = sock

    def is_stale(self) -> bool:
        """Whether the server has closed it, or said something unasked."""
        try:
            self._socket.setblocking(False)
            # The socket's own: that of TLS takes no flags.
            socket.socket.recv(self._socket, 1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            pass
        return True

    def close(self) -> None:
        self._socket.close()

    def exchange(
        self, method: str, head: bytes, body: bytes, clock: _Time, bytes_max: int
    ) -> Tuple[_Answer, bytes, bool]:
        """Sends a request and reads the answer: its head, its body, whether the connection can be used again.

        Raises ConnectionFailed, TimedOut or TooLarge; then the connection is of no more use.
        """
        try:
            failure: Optional[OSError] = None
            try:
                self._send(head + body[:65_536], clock)
                for at in range(65_536, len(body), 65_536):
                    self._send(body[at : at + 65_536], clock)
            except (BrokenPipeError, ConnectionResetError) as error:
                # The server may have answered before it had everything, and said no.
                failure = error
            wire = _Wire(self._socket, clock, HEAD_BYTES_MAX + 8 * max(bytes_max, REFUSAL_BYTES_MAX))
            answer = _Answer(wire, method=method)  # type: ignore[arg-type]
            try:
                answer.begin()
                if wire.has_ended:
                    raise http.client.HTTPException("the connection ended within the head")
                if answer.status == 101:
                    raise http.client.HTTPException("the server switches protocols unasked")
                content, is_whole = self._content(answer, bytes_max)
            except (OSError, http.client.HTTPException):
                if failure is not None:
                    raise failure from None
                raise
            finally:
                answer.close()
            return answer, content, is_whole and failure is None and not answer.will_close
        except TollgateError:
            raise
        except socket.timeout as error:
            clock.left()
            raise TimedOut(f"nothing has come or gone for {SILENCE_TIMEOUT:g} s") from error
        except OSError as error:
            raise ConnectionFailed(f"the connection was lost: {_printable(error)}") from error
        except (http.client.HTTPException, ValueError) as error:
            raise ConnectionFailed(
                f"the server's answer is not HTTP, or cut short: {type(error).__name__} {_printable(error)}"
            ) from error

    def _send(self, data: bytes, clock: _Time) -> None:
        self._socket.settimeout(min(SILENCE_TIMEOUT, clock.left()))
        self._socket.sendall(data)

    @staticmethod
    def _content(answer: _Answer, bytes_max: int) -> Tuple[bytes, bool]:
        """The body, and whether that is all of it: a page beside a challenge is not waited for."""
        is_problem = _is_problem(answer)
        if 400 <= answer.status < 500 and answer.headers.get("PoW-Challenge") is not None and not is_problem:
            return b"", False
        if is_problem and answer.status >= 400:
            bytes_max = min(bytes_max, REFUSAL_BYTES_MAX)
        parts = []
        size = 0
        while True:
            part = answer.read(min(65_536, bytes_max - size + 1))
            if not part:
                break
            size += len(part)
            if size > bytes_max:
                raise TooLarge(f"the server's answer is larger than {bytes_max} bytes")
            parts.append(part)
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        return b"".join(parts), True


def _is_problem(answer: _Answer) -> bool:
    media_type: str = answer.headers.get("Content-Type", "")
    return media_type.split(";")[0].strip().lower() == "application/problem+json"


# Sessions


class Response:
    """A server's final answer."""

    def __init__(self, answer: _Answer, body: bytes, url: str) -> None:
        self.status: int = answer.status
        self.reason: str = answer.reason
        self.headers: http.client.HTTPMessage = answer.headers
        """`headers["Content-Type"]`, `headers.get_all("Set-Cookie")`; names in any case."""
        self.body: bytes = body
        self.url: str = url
        """The URL that answered, after redirects."""
        self.challenges: int = 0
        """How many challenges were solved for it."""
        self.hashes: int = 0
        """How many hashes that took."""

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as text, in the charset that the server names, else UTF-8; what is wrong in it is replaced."""
        charset = self.headers.get_content_charset() or "utf-8"
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body read as JSON. Raises ValueError."""
        return json.loads(self.body)

    @property
    def refusal(self) -> Optional[str]:
        """Why a Tollgate refused: `over-limit`, `no-quorum` …; None if it did not."""
        if self.status < 400 or not self.headers.get("Content-Type", "").startswith("application/problem+json"):
            return None
        kind = _json_object(self.body).get("type")
        if not isinstance(kind, str) or not kind.startswith(TYPE_PREFIX):
            return None
        return kind[len(TYPE_PREFIX) :]

    def raise_for_status(self) -> None:
        """Raises TollgateError where the status is 400 or above."""
        if not self.ok:
            why = f" ({_printable(self.refusal)})" if self.refusal else ""
            raise TollgateError(f"{self.status} {_printable(self.reason)}{why} for {self.url}")

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url}>"


class _Pass(NamedTuple):
    token: str
    policy: Optional[str]
    ends: Optional[float]
    """By time.monotonic(), where it is known."""


class _Origin:
    """What a session has for an origin. Its passes are guarded by the session's lock, and `paying` is held while
    one thread pays, so that the others wait for its pass."""

    def __init__(self) -> None:
        self.paying = threading.Lock()
        # The newest last.
        self.passes: List[_Pass] = []
        self.idle: List[_Connection] = []


class _Call:
    """One call of a session: what it may still cost, and what it has cost."""

    def __init__(self, seconds: float, max_hashes: int) -> None:
        self.clock = _Time(seconds)
        self.hashes_left = max_hashes
        self.hashes = 0
        self.challenges = 0
        self.waits = 0


class Session:
    """Makes requests, solves what it must for them, and keeps passes and connections. Threads may share it.

    - `max_hashes`: most hashes that the challenges of one request may be expected to take, in all.
    - `timeout`: seconds for one request with everything that it needs: connections, challenges, waiting, the answer.
    - `max_wait`: longest `Retry-After` that is waited for, in seconds; a longer one is returned as the answer that it is.
    - `max_body`: largest answer that is read, in bytes. It is held in memory.
    - `processes`: how many search for solutions; by default one for each processor, at most 8. 1 starts none.
    - `inline`: send the solution with the request itself and save a trip, where that is safe to repeat (GET, HEAD, PUT,
      DELETE, OPTIONS); otherwise, and by default, it is redeemed by itself first, so that no answer is ever lost twice.
    - `headers`: sent with each request.
    - `context`: for https, to trust other authorities than the system does.

    Proxies that the environment names are not used, and cookies are not kept.
    """

    def __init__(
        self,
        *,
        max_hashes: int = 1 << 30,
        timeout: float = 300.0,
        max_wait: float = 60.0,
        max_body: int = 64 << 20,
        processes: Optional[int] = None,
        inline: bool = False,
        headers: Optional[Headers] = None,
        context: Optional[ssl.SSLContext] = None,
    ) -> None:
        self.max_hashes = max_hashes
        self.timeout = timeout
        self.max_wait = max_wait
        self.max_body = max_body
        self.processes = processes
        self.inline = inline
        self._headers = _fields(headers)
        self._context = context or ssl.create_default_context()
        self._lock = threading.Lock()
        self._origins: dict[_Address, _Origin] = {}
        self._closed = threading.Event()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections and forgets the passes. A thread that waits for a `Retry-After` waits no longer."""
        self._closed.set()
        with self._lock:
            origins = list(self._origins.values())
            self._origins.clear()
        for origin in origins:
            for connection in origin.idle:
                connection.close()

    # Requests

    def get(self, url: str, **options: Any) -> Response:
        """`request("GET", url, …)`."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Response:
        """`request("POST", url, …)`."""
        return self.request("POST", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Optional[Headers] = None,
        data: Union[bytes, str, Mapping[str, str], None] = None,
        json: Any = None,
        timeout: Optional[float] = None,
        max_hashes: Optional[int] = None,
    ) -> Response:
        """Makes a request and solves what it must for it; returns the server's answer, whatever its status.

        `data` is the body: bytes, text (sent as UTF-8), or fields of a form. `json` is a value to send instead. What is
        refused for work is paid for, at most three times; what is refused with a `Retry-After` within `max_wait` is sent
        again then; after that the refusal is the answer. Redirects are followed within the origin.

        Raises TollgateError, and ValueError for what is no URL, method or header.
        """
        if not _METHOD.fullmatch(method) or method == "CONNECT":
            raise ValueError(f"not a method: {_printable(method)}")
        location = _Location.parse(url)
        fields = self._headers + _fields(headers)
        body, media_type = _body(data, json)
        if media_type and not any(name.lower() == "content-type" for name, _ in fields):
            fields.append(("Content-Type", media_type))
        call = _Call(
            self.timeout if timeout is None else timeout, self.max_hashes if max_hashes is None else max_hashes
        )
        for redirects_left in reversed(range(REDIRECTS_MAX + 1)):
            response = self._paid(call, method, location, fields, body)
            next_location = _redirect(response, location)
            if next_location is None or redirects_left == 0:
                break
            if response.status in (301, 302, 303) and method not in ("GET", "HEAD"):
                method, body = "GET", None
                fields = [field for field in fields if not field[0].lower().startswith("content-")]
            location = next_location
        response.challenges = call.challenges
        response.hashes = call.hashes
        return response

    # For other HTTP libraries

    def headers_for(self, url: str) -> dict[str, str]:
        """The header to send with a request for this URL: its passes, or nothing. It is for this origin only."""
        tokens = [held.token for held in self._passes(_Location.parse(url).address)]
        return {"PoW-Pass": ", ".join(tokens)} if tokens else {}

    def pay(
        self,
        url: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
        sent: Optional[Mapping[str, str]] = None,
    ) -> bool:
        """Looks at an answer from this URL, and pays what it asks for: solves its challenge and redeems it.

        `headers` has a method `get` that does not regard case. `sent` is what `headers_for` said for the request: with it,
        threads that are refused at the same time pay once. Returns whether there is a new pass, so that the request is
        worth sending again, a few times at most; False for every answer that asks for no work. Raises TollgateError.
        """
        address = _Location.parse(url).address
        challenge = _asked(status, headers, body)
        if challenge is None:
            return False
        call = _Call(self.timeout, self.max_hashes)
        if sent is None:
            shown = [held.token for held in self._passes(address)]
        else:
            shown = sent.get("PoW-Pass", "").split(", ")
        with _holding(self._origin(address).paying, call.clock):
            return self._has_other_pass(address, challenge, shown) or self._redeem(call, address, challenge)

    # One request

    def _paid(
        self, call: _Call, method: str, location: _Location, fields: List[Tuple[str, str]], body: Optional[bytes]
    ) -> Response:
        """Sends the request, and again as long as something can be done about its refusal."""
        address = location.address
        may_repeat = method in IDEMPOTENT
        while True:
            shown = [held.token for held in self._passes(address)]
            extra = [("PoW-Pass", token) for token in shown]
            answer, content = self._send(call, method, location, fields + extra, body, may_repeat)
            challenge = _asked(answer.status, answer.headers, content)
            if challenge is not None and call.challenges < CHALLENGES_MAX:
                if challenge.expected_hashes > call.hashes_left and self._wait(call, answer):
                    continue
                with _holding(self._origin(address).paying, call.clock):
                    if self._has_other_pass(address, challenge, shown):
                        continue
                    if not (self.inline and may_repeat):
                        self._redeem(call, address, challenge)
                        continue
                    solution = self._solve(call, challenge)
                    extra = [
                        ("PoW-Solution", f"{challenge.token}.{solution}"),
                        ("PoW-Idempotency-Key", secrets.token_hex(16)),
                    ]
                    answer, content = self._send(call, method, location, fields + extra, body, may_repeat)
                    self._keep(address, answer.headers.get("PoW-Pass"), challenge.policy, None)
                if _refusal_kind(answer, content) in ("expired", "already-spent", "work-required", "other-client"):
                    continue
            if _refusal_kind(answer, content) in ("over-limit", "no-quorum") and self._wait(call, answer):
                continue
            return Response(answer, content, location.url)

    def _send(
        self,
        call: _Call,
        method: str,
        location: _Location,
        fields: List[Tuple[str, str]],
        body: Optional[bytes],
        may_repeat: bool,
    ) -> Tuple[_Answer, bytes]:
        """One request and its answer; sent again where a connection is lost and that can do no harm."""
        lines = [f"{method} {location.target} HTTP/1.1", f"Host: {location.address.authority}"]
        names = {name.lower() for name, _ in fields}
        for name, value in (("Accept", "*/*"), ("User-Agent", f"tollgate-python/{__version__}")):
            if name.lower() not in names:
                lines.append(f"{name}: {value}")
        lines += [f"{name}: {value}" for name, value in fields]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        # No line can hold the end of another: all parts have been checked.
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        for tries_left in reversed(range(TRIES_MAX if may_repeat else 1)):
            connection = self._connection(location.address, call.clock)
            try:
                answer, content, is_reusable = connection.exchange(
                    method, head, body or b"", call.clock, self.max_body
                )
            except ConnectionFailed:
                connection.close()
                if tries_left == 0:
                    raise
                continue
            except BaseException:
                connection.close()
                raise
            self._release(location.address, connection, is_reusable)
            return answer, content
        raise AssertionError("the last try returns or raises")

    def _wait(self, call: _Call, answer: _Answer) -> bool:
        """Waits as long as a refusal says; False where that is too long, or has been done too often."""
        value = answer.headers.get("Retry-After", "").strip()
        if not _DIGITS.fullmatch(value) or int(value) > self.max_wait or call.waits >= WAITS_MAX:
            return False
        if int(value) >= call.clock.left():
            return False
        call.waits += 1
        return not self._closed.wait(int(value))

    # Paying

    def _solve(self, call: _Call, challenge: Challenge) -> str:
        call.challenges += 1
        solved = solve(challenge, self.processes, call.clock.left(), max(0, call.hashes_left))
        call.hashes += solved.hashes
        call.hashes_left -= solved.hashes
        return solved.solution

    def _redeem(self, call: _Call, address: _Address, challenge: Challenge) -> bool:
        """Solves and redeems a challenge; False where it turns out to be worth nothing, so that another is needed.

        Its own thread holds `paying`.
        """
        while True:
            solution = self._solve(call, challenge)
            answer, content = self._hand_in(call, address, challenge, solution)
            if answer.status == 200:
                value = _json_object(content)
                cookie = _COOKIE.match(answer.headers.get("Set-Cookie", ""))
                policy = cookie.group(1) if cookie else challenge.policy
                if not self._keep(address, value.get("pass"), policy, value.get("expires_in")):
                    raise Refused("the server's answer holds no pass")
                return True
            kind = _refusal_kind(answer, content)
            if kind in ("expired", "already-spent"):
                return False
            other = _asked(answer.status, answer.headers, content) if kind == "other-client" else None
            if other is None or call.challenges >= CHALLENGES_MAX:
                raise Refused(f"the solution was refused: {answer.status} {_printable(kind or answer.reason)}")
            challenge = other

    def _hand_in(
        self, call: _Call, address: _Address, challenge: Challenge, solution: str
    ) -> Tuple[_Answer, bytes]:
        """Redeems a solution. It is sent again, with the same key, where its answer is lost or the gateway cannot decide."""
        body = json.dumps({"challenge": challenge.token, "solution": solution}).encode("ascii")
        # The session's headers go along, as something before the gateway may ask for them; those of the request do not.
        fields = [field for field in self._headers if not field[0].lower().startswith(("content-", "accept"))]
        fields += [("Content-Type", "application/json"), ("Idempotency-Key", secrets.token_hex(16))]
        location = _Location(address, challenge.redeem)
        while True:
            answer, content = self._send(call, "POST", location, fields, body, True)
            if _refusal_kind(answer, content) != "no-quorum" or not self._wait(call, answer):
                return answer, content

    # What is kept

    def _origin(self, address: _Address) -> _Origin:
        with self._lock:
            return self._origins.setdefault(address, _Origin())

    def _passes(self, address: _Address) -> List[_Pass]:
        """Those that have not expired, the newest first."""
        origin = self._origin(address)
        now = time.monotonic()
        with self._lock:
            origin.passes = [held for held in origin.passes if held.ends is None or held.ends > now]
            return origin.passes[::-1]

    def _has_other_pass(self, address: _Address, challenge: Challenge, shown: List[str]) -> bool:
        """Whether another thread has paid meanwhile. The passes that were shown in vain are forgotten."""
        for held in self._passes(address):
            is_same_policy = challenge.policy is None or held.policy in (None, challenge.policy)
            if is_same_policy and held.token not in shown:
                return True
        origin = self._origin(address)
        with self._lock:
            origin.passes = [
                held
                for held in origin.passes
                if held.token not in shown or held.policy is None or held.policy != challenge.policy
            ]
        return False

    def _keep(self, address: _Address, token: object, policy: Optional[str], expires_in: object) -> bool:
        """Keeps a pass for its origin and policy, in place of an older one; False where that is none."""
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            return False
        seconds = _integer(expires_in)
        ends = None if seconds is None else time.monotonic() + max(0, min(seconds, 2**31))
        origin = self._origin(address)
        with self._lock:
            kept = [
                held
                for held in origin.passes
                if held.token != token and (policy is None or held.policy != policy)
            ]
            origin.passes = (kept + [_Pass(token, policy, ends)])[-PASSES_MAX:]
        return True

    def _connection(self, address: _Address, clock: _Time) -> _Connection:
        origin = self._origin(address)
        while True:
            with self._lock:
                connection = origin.idle.pop() if origin.idle else None
            if connection is None:
                return _Connection(address, self._context, clock)
            if not connection.is_stale():
                return connection
            connection.close()

    def _release(self, address: _Address, connection: _Connection, is_reusable: bool) -> None:
        origin = self._origin(address)
        with self._lock:
            is_kept = is_reusable and not self._closed.is_set() and len(origin.idle) < IDLE_CONNECTIONS_MAX
            if is_kept:
                origin.idle.append(connection)
        if not is_kept:
            connection.close()


class _holding:
    """Holds a lock for as long as a request's time lasts at most."""

    def __init__(self, lock: threading.Lock, clock: _Time) -> None:
        self._lock = lock
        self._clock = clock

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=min(self._clock.left(), threading.TIMEOUT_MAX)):
            self._clock.left()
            raise TimedOut("another thread is still paying")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _asked(status: int, headers: Any, body: bytes) -> Optional[Challenge]:
    """The challenge that an answer asks to be solved; None if it asks for none. Raises ChallengeError.

    Only a refusal asks for work: whatever else carries the header has been done, and is not to be done twice.
    """
    if not 400 <= status < 500:
        return None
    field = headers.get("PoW-Challenge")
    media_type = (headers.get("Content-Type") or "").split(";")[0].strip().lower()
    problem = _json_object(body) if media_type == "application/problem+json" and len(body) <= REFUSAL_BYTES_MAX else {}
    kind = problem.get("type")
    is_ours = isinstance(kind, str) and kind.startswith(TYPE_PREFIX) and problem.get("challenge") is not None
    if field is None and not is_ours:
        return None
    try:
        if is_ours:
            return Challenge.from_json(problem)
        return Challenge.from_field(field)
    except ChallengeError as error:
        raise ChallengeError(f"the server's challenge cannot be read: {error}") from None


def _refusal_kind(answer: _Answer, content: bytes) -> Optional[str]:
    """Which of the protocol's refusals an answer is, without the prefix of its type."""
    return Response(answer, content, "").refusal


def _redirect(response: Response, location: _Location) -> Optional[_Location]:
    """Where a redirect leads, if it stays within the origin."""
    if response.status not in (301, 302, 303, 307, 308):
        return None
    target = response.headers.get("Location", "").strip()
    try:
        found = _Location.parse(urllib.parse.urljoin(location.url, target)) if _URL.fullmatch(target) else None
    except ValueError:
        return None
    return found if found is not None and found.address == location.address else None


def _fields(headers: Optional[Headers]) -> List[Tuple[str, str]]:
    """A caller's header fields, checked. Raises ValueError."""
    pairs = list(headers.items()) if isinstance(headers, collections.abc.Mapping) else list(headers or [])
    for name, value in pairs:
        if not _FIELD_NAME.fullmatch(name):
            raise ValueError(f"not a header's name: {_printable(name)}")
        if name.lower() in OWN_FIELDS:
            raise ValueError(f"the session sets {name} itself")
        if not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f"the header {name} has characters that a header cannot hold")
    return pairs


def _body(data: Union[bytes, str, Mapping[str, str], None], value: Any) -> Tuple[Optional[bytes], Optional[str]]:
    """The body and its media type."""
    if value is not None:
        if data is not None:
            raise ValueError("a request has data or json, not both")
        return json.dumps(value).encode("utf-8"), "application/json"
    if data is None:
        return None, None
    if isinstance(data, collections.abc.Mapping):
        return urllib.parse.urlencode(data).encode("ascii"), "application/x-www-form-urlencoded"
    if isinstance(data, str):
        return data.encode("utf-8"), "text/plain; charset=utf-8"
    return bytes(data), "application/octet-stream"


# The command


def _main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="tollgate.py",
        description="Makes a request to a site behind Tollgate, solves what it must for it, and prints the answer's body.",
        epilog="Exit codes: 0 the server answered with a status below 400; 22 with 400 or above; 1 there was no answer, "
        "or no solution; 2 the command line is wrong.",
    )
    parser.add_argument("url", nargs="?", metavar="URL", help="an http or https URL")
    parser.add_argument("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'", help="may repeat")
    parser.add_argument("-X", "--method", help="GET by default, POST with --data")
    parser.add_argument("-d", "--data", help="a body as a form sends it; @FILE reads it from a file, @- from standard input")
    parser.add_argument("-i", "--include", action="store_true", help="print the answer's head, too")
    parser.add_argument("-v", "--verbose", action="store_true", help="say on standard error what it took")
    parser.add_argument("--inline", action="store_true", help="send the solution with the request itself")
    parser.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="for all of it (default: 300)")
    parser.add_argument("--max-wait", type=float, default=60.0, metavar="SECONDS", help="longest Retry-After to wait for (default: 60)")
    parser.add_argument("--max-hashes", type=int, default=1 << 30, metavar="N", help="most work to accept (default: 2^30 hashes)")
    parser.add_argument("--max-body", type=int, default=64 << 20, metavar="BYTES", help="largest answer to read (default: 64 MiB)")
    parser.add_argument("--processes", type=int, metavar="N", help="how many search (default: one for each processor, at most 8)")
    parser.add_argument("--solve", action="store_true", help="solve the challenge on standard input and print what to redeem")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        _work()
        return 0
    if options.timeout <= 0 or options.max_hashes < 1 or (options.processes is not None and options.processes < 1):
        parser.error("--timeout, --max-hashes and --processes are positive")
    if options.solve == (options.url is not None):
        parser.error("give a URL, or --solve")
    try:
        return _solve_input(options) if options.solve else _fetch(options, parser.error)
    except TollgateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _solve_input(options: argparse.Namespace) -> int:
    value = _json_object(sys.stdin.buffer.read(REFUSAL_BYTES_MAX + 1)[:REFUSAL_BYTES_MAX])
    try:
        challenge = Challenge.from_json(value)
    except ChallengeError as error:
        raise ChallengeError(f"this is not a challenge: {error}") from None
    started = time.monotonic()
    solved = solve(challenge, options.processes, options.timeout, options.max_hashes)
    if options.verbose:
        seconds = time.monotonic() - started
        print(f"hashes: {solved.hashes}, in {seconds:.2f} s: {solved.hashes / seconds / 1e6:.1f} million a second", file=sys.stderr)
    print(json.dumps({"challenge": challenge.token, "solution": solved.solution}))
    return 0


def _fetch(options: argparse.Namespace, usage: Callable[[str], NoReturn]) -> int:
    headers = []
    for text in options.header:
        name, colon, value = text.partition(":")
        if not colon:
            usage(f"not a header: {_printable(text)}; write 'Name: value'")
        headers.append((name, value.strip(" \t")))
    data = _data(options.data)
    if data is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    try:
        with Session(
            max_hashes=options.max_hashes,
            timeout=options.timeout,
            max_wait=options.max_wait,
            max_body=options.max_body,
            processes=options.processes,
            inline=options.inline,
        ) as session:
            method = options.method or ("GET" if data is None else "POST")
            response = session.request(method, options.url, headers=headers, data=data)
    except ValueError as error:
        usage(str(error))
    if options.verbose:
        print(f"challenges: {response.challenges}, hashes: {response.hashes}", file=sys.stderr)
    output = b""
    if options.include:
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        output = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    try:
        sys.stdout.buffer.write(output + response.body)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0 if response.ok else 22


def _data(text: Optional[str]) -> Optional[bytes]:
    if text is None or not text.startswith("@"):
        return None if text is None else text.encode("utf-8")
    try:
        if text == "@-":
            return sys.stdin.buffer.read()
        with open(text[1:], "rb") as file:
            return file.read()
    except OSError as error:
        raise TollgateError(f"cannot read {_printable(text[1:])}: {error.strerror}") from None


if __name__ == "__main__":
    try:
        sys.exit(_main())
    except KeyboardInterrupt:
        sys.exit(130)
