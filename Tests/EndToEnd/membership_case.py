"""What tests share that change who is a member: admitting, removing and replacing nodes at the admin interface of any member."""

from cluster_case import ClusterCase

#: A change waits for a quorum, and for a new member to have caught up.
CHANGE_TIMEOUT = 60


class MembershipCase(ClusterCase):
    def change(self, node, method, path, value=None):
        """Asks until it is done: an answer may be that it takes longer, or that no majority has answered."""

        def ask():
            answer = node.ask(method, f"/v1/cluster/{path}", value, timeout=CHANGE_TIMEOUT)
            self.assertIn(answer.status, (200, 202, 503, 504), answer)
            return answer if answer.status < 300 else None

        return self.cluster.wait_until(ask, f"{method} {path} is done", CHANGE_TIMEOUT)

    def voters(self, node):
        return sorted(member["name"] for member in (node.status() or {}).get("members", []) if member["voter"])

    def wait_voters(self, names, at):
        """Until each of these nodes says that the voters are those."""
        for node in at:
            self.cluster.wait_until(lambda node=node: self.voters(node) == sorted(names), f"{node.name} says voters {names}")

    def admit(self, node, at):
        """A node that waits for it becomes a voter."""
        self.cluster.wait_until(lambda: node.has_logged("exists already, without this replica"), f"{node.name} waits")
        self.change(at, "POST", "members", {"name": node.name, "address": node.place.advertise})
        self.cluster.wait_until(lambda: node.name in self.voters(at), f"{node.name} is a voter")
        self.check_not_alarmed(node)

    def replace(self, node, at):
        """A node that has lost its disk becomes a voter again."""
        self.cluster.wait_until(lambda: node.has_logged("exists already, without this replica"), f"{node.name} waits")
        self.change(at, "POST", "replace", {"name": node.name})
        self.cluster.wait_until(node.is_ready, f"{node.name} is ready")
        self.check_not_alarmed(node)

    def check_not_alarmed(self, node):
        """What is from before its admission is not taken for its removal."""
        self.assertFalse(node.has_logged("is no member of its cluster any more"), node.log())

    def remove(self, node, at):
        self.change(at, "DELETE", f"members/{node.name}")
        self.cluster.wait_until(lambda: node.name not in self.voters(at), f"{node.name} is none any more")
