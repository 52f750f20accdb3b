"""Somebody who buys passes at any node while nodes die, and remembers what was acknowledged.

    buyer = Buyer(case, number).start()
    ...
    buyer.stop()
    buyer.check()                # that nothing that was acknowledged is lost, and nothing was sold twice

A sale of which the answer is lost is asked for again at another node, with its key, until one answers. Then the pass is used once, at a
third.
"""

import threading
import time

import protocol
from client import Client, Closed, Violation
from clients import from_client
from cluster_case import GRANTS
from harness import parallel

#: For an answer of a node that may be paused.
TIMEOUT = 5
PAUSE = 0.02
#: Of which all units are used at the end.
USED_MAX = 10


class Sale:
    def __init__(self, challenge, solution, key):
        self.challenge = challenge
        self.solution = solution
        self.key = key
        self.token = None
        #: What it is good for: who buys much gets less for the same work.
        self.granted = 0
        #: Units that were used, and those of which nobody knows.
        self.used = self.undecided = 0


class Buyer:
    def __init__(self, case, number):
        self.case = case
        self.number = number
        self.sales = []
        self.retries = 0
        self.error = None
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
            turn = 0
            while not self._is_stopped.wait(PAUSE):
                turn += 1
                self._buy(turn)
        except Exception as error:  # handed on by stop
            self.error = error

    def _nodes(self, turn):
        """All of them, again and again, from another one each turn, until it is stopped."""
        nodes = list(self.case.cluster)
        while not self._is_stopped.is_set():
            yield nodes[turn % len(nodes)]
            turn += 1
            self.retries += 1
            time.sleep(PAUSE)

    def _answer(self, node, ask):
        """What a node answers; None where it cannot."""
        try:
            with Client(node.address, timeout=TIMEOUT) as client:
                answer = ask(client)
        except (OSError, Closed, Violation):
            return None
        return None if answer.status == 503 else answer

    def _buy(self, turn):
        path = f"{protocol.CHALLENGE}?policy=paid"
        for node in self._nodes(turn):
            if answer := self._answer(node, lambda client: client.get(path, from_client(self.number))):
                break
        else:
            return
        challenge = answer.json()
        sale = Sale(challenge, protocol.solve(challenge), f"key-{turn}")
        for node in self._nodes(turn + 1):
            if answer := self._answer(node, lambda client: self._redeem(client, sale, sale.key)):
                assert answer.status == 200, f"{node.name} has answered {answer}"
                sale.token, sale.granted = answer.json()["pass"], answer.json()["grants"]
                assert 1 <= sale.granted <= GRANTS, f"{node.name} has answered {answer}"
                self.sales.append(sale)
                self._use(sale, next(self._nodes(turn + 2), None))
                return

    def _use(self, sale, node):
        if node is None:
            return
        if answer := self._answer(node, lambda client: client.get("/paid/use", self._shown(sale))):
            assert answer.status == 200, f"{node.name} has answered {answer} to a pass that another has sold"
            sale.used += 1
        else:
            sale.undecided += 1

    def _shown(self, sale):
        return from_client(self.number, ("PoW-Pass", sale.token))

    def _redeem(self, client, sale, key=None):
        return protocol.redeem(client, sale.challenge, sale.solution, key, from_client(self.number))

    def check(self):
        """With all nodes well: each of them knows each sale, and of some every unit that is left is good, once."""
        case, nodes = self.case, list(self.case.cluster)

        def known(index):
            with case.at(nodes[index]) as client:
                for sale in self.sales:
                    case.assert_refused(self._redeem(client, sale), 409, "already-spent")
                    again = self._redeem(client, sale, sale.key)
                    case.assertEqual((again.status, again.json().get("pass")), (200, sale.token), again)

        parallel(len(nodes), known)
        clients = [case.at(node) for node in nodes]
        try:
            for sale in self.sales[:: len(self.sales) // USED_MAX + 1]:
                shown = self._shown(sale)
                statuses = [clients[turn % len(nodes)].get("/paid/use", shown).status for turn in range(GRANTS + 1)]
                good = statuses.count(200)
                case.assertEqual(statuses, [200] * good + [401] * (GRANTS + 1 - good))
                case.assertLessEqual(good, sale.granted - sale.used)
                case.assertGreaterEqual(good, sale.granted - sale.used - sale.undecided)
        finally:
            for client in clients:
                client.close()
