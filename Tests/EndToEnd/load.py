"""Many connections that ask and ask, of gateways that may die meanwhile: what a load balancer's clients see.

    load = Load([("10.0.0.1", 8080), …], lambda number: ("label", b"GET / HTTP/1.1\\r\\n…"), connections=96, total=20_000)
    load.start()
    ...                                  # do harm
    load.finish()                        # goes on until `total` requests have been sent, and waits for their answers
    load.counts["label"][200, None]      # how many answers of which status and which `type` (of a problem)
    load.counts["label"][UNKNOWN]        # requests of which nobody knows what became of them: the connection ended, or no answer in time

With `paced=True` nothing is sent but what is released: `load.release(20)` lets twenty more go, each on the connection that has waited
longest, `load.wait_ended(timeout)` waits until all that were released have an end, and `load.release_all()` lets go whatever will.

A connection that ends goes on at the next gateway. One that cannot be made is no request; `load.unconnected` counts these. It runs on an
event loop in a thread of its own, in bounded memory and time.
"""

import asyncio
import collections
import math
import re
import threading
import time

UNKNOWN = "unknown"
CONNECT_TIMEOUT = 3
#: Beyond what a gateway takes to say that it cannot decide, and a pause of its process.
ANSWER_TIMEOUT = 15
#: Before the next attempt after a connection that could not be made.
PAUSE = 0.05
HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)
TYPE = re.compile(rb'"type" *: *"urn:tollgate:([a-z-]+)"')


class Malformed(Exception):
    """An answer that is not one."""


class Exchange(asyncio.Protocol):
    """One connection: a request, its answer, the next."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.buffer = b""
        self.answer = None
        self.closes = False
        #: Whether a request may go on this connection, for whoever waits for that.
        self.turn = None

    def connection_made(self, transport):
        self.transport = transport

    def ask(self, data):
        """The status and type of the answer; None if the connection ends before."""
        self.answer = self.loop.create_future()
        self.since = time.monotonic()
        if self.closes:
            self._end(None)
        else:
            self.transport.write(data)
        return self.answer

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[: end + 2]
        status, length = HEAD.match(head), LENGTH.search(head)
        if not status or not length:
            return self._end(Malformed(f"not an answer with a length: {head!r}"))
        whole = end + 4 + int(length.group(1))
        if len(self.buffer) < whole:
            return
        if len(self.buffer) > whole:
            return self._end(Malformed(f"more than an answer: {self.buffer!r}"))
        body, self.buffer = self.buffer[end + 4 :], b""
        self.closes = self.closes or bool(CLOSE.search(head))
        kind = TYPE.search(body) if int(status.group(1)) >= 400 else None
        self._end((int(status.group(1)), kind.group(1).decode() if kind else None))

    def connection_lost(self, _):
        self.closes = True
        self._end(None)
        self.give_turn(False)

    def wait_turn(self):
        """True once a request may go; False if the connection ends before."""
        self.turn = self.loop.create_future()
        return self.turn

    def give_turn(self, may_send=True):
        """Whether somebody has waited for it."""
        if self.turn is None or self.turn.done():
            return False
        self.turn.set_result(may_send)
        return True

    def expire(self, now):
        if self.answer is not None and not self.answer.done() and now - self.since > ANSWER_TIMEOUT:
            self.transport.abort()

    def _end(self, result):
        if self.answer is None or self.answer.done():
            return
        if isinstance(result, Exception):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


class Load:
    def __init__(self, targets, make, connections=96, total=20_000, paced=False):
        self.targets = list(targets)
        self.make = make
        self.connections = connections
        self.total = total
        self.sent = 0
        #: How many of those that were sent have an end, be it that nobody knows what became of them.
        self.ended = 0
        #: How many may be sent in all; and how many of these have not been taken by a connection.
        self.released = self._free = 0 if paced else math.inf
        self.unconnected = 0
        self.counts = collections.defaultdict(collections.Counter)
        self._exchanges = set()
        self._waiting = collections.deque()
        self._changed = threading.Condition()
        self._running = threading.Event()
        self._is_finishing = False
        self._is_stopped = False
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        self._running.wait()
        return self

    def release(self, count):
        """Lets so many more requests go."""
        self.released += count
        self._loop.call_soon_threadsafe(self._release, count)

    def release_all(self):
        self.release(math.inf)

    def wait_ended(self, timeout):
        """Until all that were released have an end."""
        with self._changed:
            have_ended = self._changed.wait_for(lambda: self._error or self.ended >= self.released, timeout)
        if self._error:
            raise self._error
        assert have_ended, f"{self.ended} of {self.released} requests in {timeout} s: {self}"

    def finish(self, timeout):
        """Waits until all has been sent and answered."""
        self._is_finishing = True
        self._thread.join(timeout)
        ended_by_itself = not self._thread.is_alive()
        self.stop()
        if self._error:
            raise self._error
        assert ended_by_itself, f"{self.sent} of {self.total} requests in {timeout} s: {self}"

    def stop(self):
        """Ends at once, whatever has been sent."""
        self._is_stopped = True
        self._thread.join()

    def seen(self, outcome, label=None):
        """How many of this outcome, in all or of one label."""
        counts = [self.counts[label]] if label is not None else list(self.counts.values())
        return sum(count[outcome] for count in counts)

    def __repr__(self):
        return f"{self.sent} sent, {self.unconnected} not connected, {({k: dict(v) for k, v in self.counts.items()})}"

    def _run(self):
        try:
            asyncio.run(self._all())
        except Exception as error:  # handed on by whoever waits
            with self._changed:
                self._error = error
                self._changed.notify_all()

    async def _all(self):
        self._loop = asyncio.get_running_loop()
        self._running.set()
        watch = asyncio.ensure_future(self._watch())
        try:
            await asyncio.gather(*(self._connection(index) for index in range(self.connections)))
        finally:
            watch.cancel()

    async def _watch(self):
        """Ends exchanges that take too long, and all of them once it is stopped."""
        while True:
            await asyncio.sleep(0.1)
            for exchange in list(self._exchanges):
                exchange.transport.abort() if self._is_stopped else exchange.expire(time.monotonic())

    def _is_done(self):
        return self._is_stopped or (self._is_finishing and self.sent >= self.total)

    async def _connection(self, index):
        while not self._is_done():
            target = self.targets[index % len(self.targets)]
            index += 1
            connecting = asyncio.get_running_loop().create_connection(Exchange, *target)
            try:
                transport, exchange = await asyncio.wait_for(connecting, CONNECT_TIMEOUT)
            except (OSError, asyncio.TimeoutError):
                self.unconnected += 1
                await asyncio.sleep(PAUSE)
                continue
            self._exchanges.add(exchange)
            try:
                await self._converse(exchange)
            finally:
                self._exchanges.discard(exchange)
                transport.abort()

    async def _converse(self, exchange):
        while not self._is_done() and not exchange.closes:
            if self._free > 0:
                self._free -= 1
            else:
                self._waiting.append(exchange)
                if not await exchange.wait_turn():
                    return
            label, data = self.make(self.sent)
            self.sent += 1
            outcome = await exchange.ask(data)
            self.counts[label][outcome or UNKNOWN] += 1
            with self._changed:
                self.ended += 1
                self._changed.notify_all()

    def _release(self, count):
        """To those that wait first; what is left is for those that come."""
        self._free += count
        while self._free > 0 and self._waiting:
            if self._waiting.popleft().give_turn():
                self._free -= 1
