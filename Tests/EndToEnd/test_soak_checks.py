"""What the soak of a cluster checks is found: errors that no harm explains, intervals that admit too much, and growth."""

import threading
import time
import types
import unittest

from fleet import ENDED, NO_QUORUM, UNCONNECTED, Fleet
from growth import RESIDENT_BYTES_MAX, SEGMENT_BYTES, Growth
from mixed_clients import LATE, REFILL_BURST, REFILL_RATE, Book


def named(name):
    return types.SimpleNamespace(name=name)


class Nodes(dict):
    """As much of a cluster as a fleet asks for."""

    def __init__(self, names):
        super().__init__({name: named(name) for name in names})

    def __iter__(self):
        return iter(self.values())


class FleetTests(unittest.TestCase):
    def setUp(self):
        self.nodes = Nodes("ab")
        self.fleet = Fleet(self.nodes)

    def note(self, kind, name, since=None):
        self.fleet.note(kind, named(name), time.monotonic() if since is None else since)
        return len(self.fleet.unnamed())

    def test_without_a_harm_each_error_is_told(self):
        self.assertEqual([self.note(kind, "a") for kind in (UNCONNECTED, ENDED, NO_QUORUM, "503 other")], [1, 2, 3, 4])
        self.assertEqual(self.fleet.counts[ENDED], 1)

    def test_a_node_that_is_ended_explains_its_own_errors_only(self):
        with self.fleet.harm("b is killed", ends="b"):
            self.assertEqual([self.note(kind, "b") for kind in (UNCONNECTED, ENDED, NO_QUORUM)], [0, 0, 0])
            self.assertEqual(self.note(NO_QUORUM, "a"), 1)
            self.assertEqual(self.note("malformed", "b"), 2)

    def test_a_lost_majority_explains_a_denial_and_no_more(self):
        with self.fleet.harm("all are killed", ends="b", may_deny=True):
            self.assertEqual(self.note(NO_QUORUM, "a"), 0)
            self.assertEqual(self.note(ENDED, "a"), 1)

    def test_what_began_after_a_harm_is_not_explained_by_it(self):
        before = time.monotonic()
        with self.fleet.harm("b is killed", ends="b"):
            pass
        self.assertEqual(self.note(ENDED, "b", since=before), 0)
        self.assertEqual(self.note(ENDED, "b"), 1)

    def test_a_node_is_withdrawn_when_nobody_asks_it_any_more(self):
        gone = threading.Event()
        self.fleet.withdraw(self.nodes["b"], timeout=10)
        with self.fleet.turn() as node:
            self.assertEqual(node.name, "a")
            leaving = threading.Thread(target=lambda: (self.fleet.withdraw(node, timeout=10), gone.set()))
            leaving.start()
            with self.assertRaises(IndexError):
                while True:
                    with self.fleet.turn():
                        pass
            self.assertFalse(gone.is_set())
        leaving.join()
        self.assertTrue(gone.is_set())


class BookTests(unittest.TestCase):
    def test_an_interval_that_admits_more_than_its_worth_is_found(self):
        worth = [0.0] * (REFILL_BURST + REFILL_RATE * LATE) + [index / REFILL_RATE for index in range(1, 500)]
        Book.check_refill(self, {"/refill/r0": worth})
        with self.assertRaises(AssertionError):
            Book.check_refill(self, {"/refill/r0": [*worth, 100.0, 100.0]})


class GrowthTests(unittest.TestCase):
    def check(self, **last):
        growth = Growth(None, named("a"))
        first = {"resident": 50 << 20, "disk": 16 << 20, "descriptors": 40, "entries": 9_000}
        growth.samples = [{"a": first, "b": first}] * 20 + [{"a": {**first, **last}, "b": first}] * 10
        growth.check(self)

    def test_what_stands_still_passes(self):
        self.check(resident=51 << 20, descriptors=42)

    def test_what_grows_is_found(self):
        for last in (
            {"resident": (50 << 20) + RESIDENT_BYTES_MAX + 1},
            {"disk": (16 << 20) + SEGMENT_BYTES + 1},
            {"descriptors": 60},
            {"entries": 30_000},
        ):
            with self.assertRaises(AssertionError):
                self.check(**last)


if __name__ == "__main__":
    unittest.main()
