"""Clients of every kind for a cluster whose nodes come and go: free requests of several policies, challenges that are redeemed, passes
that are spent, refused things, answers that are asked for again. Each holds what it is answered against what it may be answered.

    book = Book(); clients = [MixedClient(case, fleet, book, number) for number in range(6)]
    for client in clients: client.start()
    …
    for client in clients: client.stop()          # raises what went wrong
    book.check(case, seen)                        # with all nodes well: what was admitted, and at most what was paid for
"""

import collections
import itertools
import random
import re
import threading
import time

import protocol
from client import Client, Closed, Violation
from clients import from_client
from fleet import ENDED, NO_QUORUM, UNCONNECTED
from harness import SEED

BURST, GRANTS = 100, 6
#: Of the policy whose units come back: a second's worth, and the most at once.
REFILL_RATE, REFILL_BURST = 2, 10
#: Clients who ask under it, and under many limits at once, and who buy.
REFILL_CLIENTS, WIDE_CLIENTS, BUYERS = 4, 100, 200
#: For an answer, also of a node that is killed meanwhile.
TIMEOUT = 15
#: For an answer that is asked for again and again while nodes are harmed.
PATIENCE = 120
#: After each request, so that the load is bounded, not the machine's most.
PAUSE = 0.005
#: A decision may be this old when the upstream sees its request, seconds: for windows of time.
LATE = 5
#: Limits that nobody reaches, as many as a policy may have but one: each request of theirs is half a kilobyte of the log.
WIDE = "[" + ", ".join(f'{{ key: "client/{bits},/48", rate: 1000000/min }}' for bits in range(32, 17, -1)) + "]"
POLICIES = f"""
  fixed:
    preset: api
    consistency: strong
    free: {{ rate: 1/day, burst: {BURST} }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1, grants: {GRANTS} }}
  refill:
    preset: api
    consistency: strong
    free: {{ rate: {REFILL_RATE}/s, burst: {REFILL_BURST} }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1, grants: {GRANTS} }}
  wide:
    preset: api
    consistency: strong
    free: {WIDE}
    ceiling: off
    work: {{ difficulty: 64, rounds: 1, grants: {GRANTS} }}
  paid:
    preset: api
    consistency: strong
    free: {{ rate: 0 }}
    ceiling: off
    work: {{ difficulty: 64, rounds: 2, grants: {GRANTS}, ttl: 3m, challengeTtl: 3m }}
"""
ROUTES = "".join(
    f'\n  - {{ name: {name}, match: {{ path: "/{name}/*" }}, upstream: app, policy: {name} }}'
    for name in ("fixed", "refill", "wide", "paid")
)


class Book:
    """What was asked, by the path that the upstream sees."""

    def __init__(self):
        self.lock = threading.Lock()
        #: Requests of which nobody knows whether they were charged.
        self.undecided = collections.Counter()
        #: The client of the policy `fixed` who has units left, and those who were refused.
        self.present = 1
        self.exhausted = set()
        self.sales = []
        self.operations = collections.Counter()
        self.began = time.monotonic()

    def exhaust(self, number):
        with self.lock:
            self.exhausted.add(number)
            self.present = max(self.present, number + 1)

    def check(self, case, seen):
        """`seen`: how many requests of a path the upstream has seen; for `refill`, when."""
        case.assertLessEqual(seen[f"/fixed/k{self.present}"], BURST)
        for number in range(1, self.present):
            path = f"/fixed/k{number}"
            case.assertLessEqual(seen[path], BURST, path)
            case.assertGreaterEqual(seen[path], BURST - self.undecided[path], path)
        for path, token, granted in self.sales:
            case.assertLessEqual(seen[path], granted, f"{path}: {token}")
            case.assertGreaterEqual(seen[path], granted - self.undecided[path], f"{path}: {token}")

    @staticmethod
    def check_refill(case, arrivals):
        """No interval admits more than its worth: the fullest of those that begin and end with an arrival."""
        for path, times in arrivals.items():
            # The least of `count before − rate × time` so far is where the fullest interval up to now begins.
            least = None
            for count, at in enumerate(sorted(times)):
                level = count - REFILL_RATE * at
                least = level if least is None else min(least, level)
                case.assertLessEqual(level + 1 - least, REFILL_BURST + REFILL_RATE * LATE, f"{path}, after {at:.3f} s")


class Once(Client):
    """Asks once: what is asked again might be charged twice, and this must be known."""

    def request(self, method, target, headers=(), body=None):
        self.asked = f"{method} {target} {dict(headers)}"
        headers = list(headers)
        if body is not None:
            headers.append(("Content-Length", str(len(body))))
        self.send(self.head(method, target, headers) + (body or b""))
        return self.read_response(method)


class MixedClient:
    def __init__(self, case, fleet, book, number):
        self.case = case
        self.fleet = fleet
        self.book = book
        self.number = number
        self.random = random.Random(f"{SEED} mixed client {number}")
        self.serial = itertools.count()
        self.error = None
        #: The node that answered last.
        self.last = None
        #: A kept connection to each process.
        self.connections = {}
        self.kinds = [
            self.take_free, self.take_free, self.take_free, self.take_wide, self.take_wide, self.take_refilled, self.be_refused,
            self.trade, self.pay_in_line,
        ]  # fmt: skip
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._is_stopped.set()
        self._thread.join()
        if self.error:
            raise self.error

    def _run(self):
        try:
            while not self._is_stopped.is_set():
                kind = self.random.choice(self.kinds)
                kind()
                with self.book.lock:
                    self.book.operations[kind.__name__] += 1
        except Exception as error:  # handed on by stop
            self.error = error
        finally:
            for _, client in self.connections.values():
                client.close()

    # One request

    def ask(self, question, path=None):
        """What a node answers; None for an error, which the fleet is told. `path`: who has to know whether it was charged."""
        self._is_stopped.wait(PAUSE)
        with self.fleet.turn(self.random) as node:
            since = time.monotonic()
            client = self._connection(node)
            try:
                client.open()
            except OSError:
                self.fleet.note(UNCONNECTED, node, since)
                return None
            try:
                answer = question(client)
            except (ConnectionError, Closed, Violation, TimeoutError) as error:
                # A connection may end anywhere in an answer; anything else that is wrong with one has no excuse.
                is_end = isinstance(error, (ConnectionError, Closed)) or "ended" in str(error)
                client.close()
                self.fleet.note(ENDED if is_end else f"{error!r} for {client.asked}", node, since)
                self._doubt(path)
                return None
            if answer.status == 503:
                kind = answer.json().get("type", "").removeprefix("urn:tollgate:")
                self.fleet.note(NO_QUORUM if kind == "no-quorum" else f"503 {kind}", node, since)
                self._doubt(path)
                return None
            self.fleet.answer(node)
            self.last = node.name
            return answer

    def _connection(self, node):
        """The one that is kept to this process of the node."""
        process, client = self.connections.get(node.name, (None, None))
        if process is not node.process:
            if client:
                client.close()
            client = Once(node.address, timeout=TIMEOUT)
            self.connections[node.name] = (node.process, client)
        return client

    def _doubt(self, path):
        if path is not None:
            with self.book.lock:
                self.book.undecided[path] += 1

    def insist(self, question, path=None):
        """What a node answers in the end."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if answer := self.ask(question, path):
                return answer
        raise AssertionError(f"no answer within {PATIENCE} s")

    def expect(self, answer, *outcomes):
        """One of these, each a status, or a status and the type of the problem."""
        kind = answer.json().get("type", "").removeprefix("urn:tollgate:") if answer.status >= 400 else None
        if not {answer.status, (answer.status, kind)} & set(outcomes):
            raise AssertionError(f"client {self.number}: {self.last} answers {answer}, none of {outcomes}; {self.fleet.lately()}")
        return answer

    # Kinds of things that are asked

    def take_free(self):
        """Under a limit that gives nothing back: of a client who has units, or of one who has none."""
        if self.book.present > 1 and self.random.random() < 0.3:
            number = self.random.randrange(max(1, self.book.present - 50), self.book.present)
        else:
            number = self.book.present
        was_exhausted = number in self.book.exhausted
        path = f"/fixed/k{number}"
        if not (answer := self.ask(lambda client: client.get(path, from_client(number)), path)):
            return
        if was_exhausted:
            self.expect(answer, (429, "work-required"))
        elif self.expect(answer, 200, (429, "work-required")).status == 429:
            self.book.exhaust(number)

    def take_refilled(self):
        """Under one that gives back as fast as it says."""
        number = self.random.randrange(REFILL_CLIENTS)
        headers = from_client(30_000 + number)
        for _ in range(self.random.choice([1, 1, 10])):
            if answer := self.ask(lambda client: client.get(f"/refill/r{number}", headers)):
                self.expect(answer, 200, (429, "work-required"))

    def take_wide(self):
        """Under many limits at once, none of which is reached."""
        for _ in range(20):
            headers = from_client(31_000 + self.random.randrange(WIDE_CLIENTS))
            if answer := self.ask(lambda client: client.get("/wide/x", headers)):
                self.expect(answer, 200)

    def be_refused(self):
        headers = from_client(20_000 + self.random.randrange(BUYERS))
        challenge, _ = self.find_challenge(headers)
        forged = {**challenge, "challenge": challenge["challenge"][:-8] + "AAAAAAAA"}
        wrong = protocol.wrong_solution(challenge, protocol.solve(challenge))
        for question, outcome in (
            (lambda client: client.get("/paid/nothing", headers), (401, "work-required")),
            (lambda client: client.get("/paid/forged", [*headers, ("PoW-Pass", forged["challenge"])]), (401, "work-required")),
            (lambda client: client.get("/elsewhere", headers), 404),
            (lambda client: client.get(f"{protocol.CHALLENGE}?policy=none", headers), (404, "unknown-policy")),
            (lambda client: protocol.redeem(client, forged, "A" * 22, headers=headers), (403, "wrong-solution")),
            (lambda client: protocol.redeem(client, challenge, "?", headers=headers), (400, "malformed")),
            (lambda client: protocol.redeem(client, challenge, wrong, headers=headers), (403, "wrong-solution")),
            (lambda client: protocol.redeem(client, challenge, wrong, headers=from_client(1)), (403, "other-client")),
        ):
            if answer := self.ask(question):
                self.expect(answer, outcome)

    def find_challenge(self, headers):
        """One, in an answer of its own or in a refusal, and its solution."""
        if self.random.random() < 0.5:
            asked = self.insist(lambda client: client.get(f"{protocol.CHALLENGE}?policy=paid", headers))
            challenge = self.expect(asked, 200).json()
        else:
            refused = self.insist(lambda client: client.get("/paid/nothing", headers))
            challenge = self.expect(refused, (401, "work-required")).json()["challenge"]
        return challenge, protocol.solve(challenge)

    def trade(self):
        """Buys a pass, asks for it again, and spends it to the end, at any nodes."""
        headers = from_client(20_000 + self.random.randrange(BUYERS))
        challenge, solution = self.find_challenge(headers)
        serial = next(self.serial)
        key = f"key-{self.number}-{serial}"
        path = f"/paid/sale-{self.number}-{serial}"

        def redeem(key):
            return self.insist(lambda client: protocol.redeem(client, challenge, solution, key, headers))

        sold = self.expect(redeem(key), 200).json()
        token, granted = sold["pass"], sold["grants"]
        self.spend(path, token, headers, granted, self.random.randrange(granted))
        for again, outcome in ((key, 200), (None, (409, "already-spent")), ("another", (409, "already-spent"))):
            answer = self.expect(redeem(again), outcome)
            if answer.status == 200 and answer.json()["pass"] != token:
                raise AssertionError(f"{answer} is not the pass that was sold before")
        self.spend(path, token, headers, granted)

    def pay_in_line(self):
        """A solution with the request itself, the answer of which is asked for again."""
        headers = from_client(20_000 + self.random.randrange(BUYERS))
        challenge, solution = self.find_challenge(headers)
        serial = next(self.serial)
        path = f"/paid/line-{self.number}-{serial}"
        fields = [
            *headers,
            ("PoW-Solution", f"{challenge['challenge']}.{solution}"),
            ("PoW-Idempotency-Key", f"line-{self.number}-{serial}"),
        ]
        tokens = set()
        for _ in range(2):
            answer = self.insist(lambda client: client.get(path, fields), path)
            # Where the work was worth one request by then, the first had it.
            if self.expect(answer, 200, (401, "work-required")).status == 401:
                return
            tokens.add(answer.header("pow-pass"))
            granted = int(re.match(r'"pass";q=(\d+)', answer.header("ratelimit-policy"))[1])
        if len(tokens) != 1 or None in tokens:
            raise AssertionError(f"{path} was paid once, and passes are {tokens}")
        self.spend(path, tokens.pop(), headers, granted)

    def spend(self, path, token, headers, granted, units=None):
        """So many units of a pass, or all that are left of what it was good for."""
        fields = [*headers, ("PoW-Pass", token)]
        for _ in itertools.count() if units is None else range(units):
            answer = self.insist(lambda client: client.get(path, fields), path)
            if self.expect(answer, 200, (401, "work-required")).status == 401:
                break
        if units is None:
            with self.book.lock:
                self.book.sales.append((path, token, granted))
            admitted, undecided = self.case.seen[path], self.book.undecided[path]
            if admitted + undecided < granted:
                raise AssertionError(f"{self.last} refuses {path}, spent {admitted} times: {answer}; {self.fleet.lately()}")
