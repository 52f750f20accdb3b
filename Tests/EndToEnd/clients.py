"""Clients of several gateways that are one: each asks at whichever it will, in any order.

    class Something(Clients, TestCase):
        nodes = …                                   # each with an `address` and a `name`
        policy, paid_path = "paid", "/paid/use"     # a policy that gives nothing free, and what it stands before

A client is a number, which a gateway sees as an address.
"""

import protocol
from client import Client


def client_address(number):
    return f"198.18.{number >> 8}.{number & 255}"


def from_client(number, *more):
    return [("X-Forwarded-For", client_address(number)), *more]


class Clients:
    policy = "paid"
    paid_path = "/paid/use"

    def solve(self, challenge):
        return protocol.solve(challenge)

    def at(self, node, timeout=30):
        return Client(node.address, timeout=timeout)

    def get(self, node, path, number=1, *more, timeout=30):
        """One request of a client of this number, on a connection of its own."""
        with self.at(node, timeout) as client:
            return client.get(path, from_client(number, *more))

    def challenge(self, node, number=1):
        answer = self.get(node, f"{protocol.CHALLENGE}?policy={self.policy}", number)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def redeem(self, node, challenge, solution, key=None, number=1, timeout=30):
        with self.at(node, timeout) as client:
            return protocol.redeem(client, challenge, solution, key, from_client(number))

    def buy(self, node, number=1):
        """A pass."""
        challenge = self.challenge(node, number)
        answer = self.redeem(node, challenge, self.solve(challenge), number=number)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["pass"]

    def use(self, node, token, number=1):
        return self.get(node, self.paid_path, number, ("PoW-Pass", token))

    def assert_refused(self, answer, status, kind):
        self.assertEqual((answer.status, answer.json().get("type")), (status, f"urn:tollgate:{kind}"), answer)
