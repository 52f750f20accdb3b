"""Whom a load balancer sends its clients to while nodes are harmed, and which errors the clients may see then.

    fleet = Fleet(cluster)
    with fleet.harm("b is killed", ends=["b"], may_deny=True): …   # what clients may see until all is well again
    with fleet.turn() as node: …                                    # a node that is in service, for one request
    fleet.withdraw(node); fleet.restore(node)                       # no request is on its way to it after the first
    fleet.note(kind, node, since)                                   # an error that a client has seen
    fleet.unnamed()                                                 # those that nothing explains

An error is allowed where its request was under way during a harm that explains it: at a node that is ended, until it is ready again, that
a connection ends or cannot be made, and `no-quorum`; at others `no-quorum` where a majority or the leader is ended. Any thread.
"""

import collections
import contextlib
import random
import threading
import time

#: The kinds of errors that the design names: the node is not there; it has gone before its answer; it cannot decide.
UNCONNECTED, ENDED, NO_QUORUM = "not connected", "connection ended", "no-quorum"
HARMS_KEPT = 32


class Harm:
    def __init__(self, what, ends, may_deny):
        self.what = what
        #: Names of nodes whose processes end, and begin anew.
        self.ends = frozenset(ends)
        #: Whether there may be no leader for longer than a decision may take.
        self.may_deny = may_deny
        self.since = time.monotonic()
        self.until = None

    def explains(self, error):
        meets = error.until >= self.since and (self.until is None or error.since <= self.until)
        return meets and (error.node in self.ends or (self.may_deny and error.kind == NO_QUORUM))


class Error:
    def __init__(self, kind, node, since, harms):
        self.kind = kind
        self.node = node
        self.since = since
        self.until = time.monotonic()
        self.is_explained = kind in (UNCONNECTED, ENDED, NO_QUORUM) and any(harm.explains(self) for harm in harms)

    def __repr__(self):
        return f"{self.kind} at {self.node}, after {self.until - self.since:.3f} s"


class Fleet:
    def __init__(self, cluster):
        self._changed = threading.Condition()
        self._serving = {node.name: 0 for node in cluster}
        #: Requests under way at nodes that have been withdrawn.
        self._leaving = collections.Counter()
        self._cluster = cluster
        #: A request that met an older one has been answered long ago.
        self._harms = collections.deque(maxlen=HARMS_KEPT)
        self.counts = collections.Counter()
        self.answered = collections.Counter()
        self._unnamed = []

    @contextlib.contextmanager
    def turn(self, generator=random):
        """A node in service. It is not withdrawn before this ends."""
        with self._changed:
            name = generator.choice(sorted(self._serving))
            self._serving[name] += 1
            node = self._cluster[name]
        try:
            yield node
        finally:
            with self._changed:
                busy = self._serving if name in self._serving else self._leaving
                busy[name] -= 1
                self._changed.notify_all()

    def answer(self, node):
        """A node in service has answered, and not with an error."""
        with self._changed:
            self.answered[node.name] += 1
            self._changed.notify_all()

    def withdraw(self, node, timeout):
        """Sends nobody there any more, and waits until nobody is."""
        with self._changed:
            self._leaving[node.name] = self._serving.pop(node.name)
            assert self._changed.wait_for(lambda: not self._leaving[node.name], timeout), f"{node.name} is busy"

    def restore(self, node):
        with self._changed:
            self._serving[node.name] = 0

    def wait_answered(self, count, timeout):
        """Until each node in service has answered so many more."""
        with self._changed:
            goal = {name: self.answered[name] + count for name in self._serving}
            assert self._changed.wait_for(lambda: all(self.answered[name] >= goal[name] for name in goal), timeout), goal

    @contextlib.contextmanager
    def harm(self, what, ends=(), may_deny=False):
        harm = Harm(what, ends, may_deny)
        with self._changed:
            self._harms.append(harm)
        try:
            yield
        finally:
            harm.until = time.monotonic()

    def note(self, kind, node, since):
        with self._changed:
            error = Error(kind, node.name, since, self._harms)
            self.counts[kind] += 1
            if not error.is_explained:
                last = self._harms[-1].what if self._harms else "anything"
                self._unnamed.append(f"{error}, the last harm being that {last}")

    def lately(self):
        """The last harms, for messages."""
        now = time.monotonic()
        with self._changed:
            last = list(self._harms)[-12:]
        return "; ".join(
            f"{harm.what}: {now - harm.since:.2f} to " + (f"{now - harm.until:.2f} s ago" if harm.until else "now") for harm in last
        )

    def unnamed(self):
        with self._changed:
            return list(self._unnamed)
