"""Every refusal that one node can give, and how to provoke it: the table of the protocol, row by row."""

import base64
import json
import threading

import protocol
from client import Client

CONFIG = """
    upstreams: {{ app: {{ servers: ["{upstream}"] }} }}
    routes:
      - {{ name: busy, match: {{ path: "/busy/*" }}, upstream: app, policy: busy }}
      - {{ name: banned, match: {{ path: "/banned/*" }}, deny: true }}
      - {{ name: api, match: {{ path: "/api/*" }}, upstream: app, policy: api }}
      - {{ name: site, match: {{ path: "/site/*" }}, upstream: app, policy: site }}
      - {{ name: paid, match: {{ path: "/paid/*" }}, upstream: app, policy: paid }}
      - {{ name: capped, match: {{ path: "/capped/*" }}, upstream: app, policy: capped }}
      - {{ name: brief, match: {{ path: "/brief/*" }}, upstream: app, policy: brief }}
      - {{ name: idle, match: {{ path: "/idle/*" }}, upstream: app, policy: idle }}
    policies:
      busy: {{ preset: api, free: {{ rate: 1000000/min, burst: 1000000 }}, ceiling: off, work: off, onQuorumLoss: deny }}
      api: {{ preset: api, free: {{ rate: 60/hour, burst: 2 }}, ceiling: {{ rate: 1000/min, burst: 1000 }},
             work: {{ difficulty: 512, rounds: 4, grants: 7 }} }}
      site: {{ preset: site, reserve: 0, free: {{ rate: 1/day, burst: 1 }}, work: {{ difficulty: 512, rounds: 4 }},
              page: {{ title: "A <title>", text: "A text", contact: "ops@example.com", status: 503 }} }}
      paid: {{ preset: api, free: {{ rate: 0 }}, ceiling: off, work: {{ difficulty: 256, rounds: 2, grants: 3 }} }}
      capped: {{ preset: api, free: {{ rate: 1/hour, burst: 2 }}, ceiling: {{ rate: 1/hour, burst: 4 }},
                work: {{ difficulty: 256, rounds: 2, grants: 50 }} }}
      brief: {{ preset: api, free: {{ rate: 0 }}, work: {{ difficulty: 256, rounds: 2, challengeTtl: 1s }} }}
      idle: {{ preset: api, free: {{ rate: 1/hour }}, work: off, onQuorumLoss: deny }}
"""


def json_body(value):
    return json.dumps(value).encode()


def flipped(token, byte, bit=0):
    """The token with one bit of its decoded bytes turned over."""
    data = bytearray(base64.urlsafe_b64decode(token))
    data[byte] ^= 1 << bit
    return base64.urlsafe_b64encode(bytes(data)).decode("ascii")


class Provoker:
    """Provokes each refusal, for a client address that nobody has used before."""

    def __init__(self, gateway, source_number):
        self.gateway = gateway
        self.client = Client(gateway.address)
        self.address = f"198.18.{source_number >> 8 & 255}.{source_number & 255}"
        self.other = f"198.19.{source_number >> 8 & 255}.{source_number & 255}"

    def headers(self, *more, other=False):
        return [("X-Forwarded-For", self.other if other else self.address), *more]

    def get(self, target, *more, other=False):
        return self.client.get(target, self.headers(*more, other=other))

    def challenge(self, policy="api"):
        answer = self.get(f"{protocol.CHALLENGE}?policy={policy}")
        assert answer.status == 200, answer
        assert answer.header("cache-control") == "no-store", answer
        assert answer.header("content-type") == "application/json", answer
        return answer.json()

    def post(self, body, content_type="application/json", other=False):
        headers = self.headers(other=other)
        if content_type is not None:
            headers.append(("Content-Type", content_type))
        return self.client.post(protocol.REDEEM, body, headers)

    def redeem(self, token, solution, other=False, inline=None):
        """At the endpoint, or in line with a request to the path `inline`."""
        if inline:
            return self.get(inline, ("PoW-Solution", f"{token}.{solution}"), other=other)
        return self.post(json_body({"challenge": token, "solution": solution}), other=other)

    # The rows of the table, in its order.

    def work_required(self):
        for _ in range(2):
            answer = self.get("/api/x")
            assert answer.status == 200, answer
        return self.get("/api/x")

    def work_required_of_all(self):
        return self.get("/paid/x")

    def over_ceiling_free(self):
        """With a pass of 50 grants, four requests are all that the ceiling leaves."""
        challenge = self.challenge("capped")
        answer = self.redeem(challenge["challenge"], protocol.solve(challenge))
        pass_header = ("PoW-Pass", answer.json()["pass"])
        for _ in range(4):
            answer = self.get("/capped/x", pass_header)
            assert answer.status == 200, answer
        return self.get("/capped/x", pass_header)

    def over_limit_without_work(self):
        assert self.get("/idle/x").status == 200
        return self.get("/idle/x")

    def wrong_round(self, inline=None):
        challenge = self.challenge()
        at = 1  # not the first round: all are looked at
        wrong = protocol.wrong_solution(challenge, protocol.solve(challenge), at)
        return self.redeem(challenge["challenge"], wrong, inline=inline)

    def not_authentic(self, byte=83, inline=None):
        challenge = self.challenge()
        return self.redeem(flipped(challenge["challenge"], byte), protocol.solve(challenge), inline=inline)

    def other_client(self, inline=None):
        challenge = self.challenge()
        return self.redeem(challenge["challenge"], protocol.solve(challenge), other=True, inline=inline)

    def unknown_epoch(self, inline=None):
        challenge = self.challenge()
        return self.redeem(flipped(challenge["challenge"], 2, 6), protocol.solve(challenge), inline=inline)

    def too_old(self, inline=None):
        challenge = self.challenge("brief")
        # A wrong solution is 403 as long as the challenge lives, for expiry is looked at before the work.
        wrong = protocol.wrong_solution(challenge, protocol.solve(challenge))
        pause = threading.Event()
        for _ in range(600):
            answer = self.redeem(challenge["challenge"], wrong, inline=inline)
            if answer.status != 403:
                return answer
            pause.wait(0.05)
        raise AssertionError("a challenge that lives a second has not expired")

    def already_spent(self, inline=None):
        challenge = self.challenge()
        solution = protocol.solve(challenge)
        answer = self.redeem(challenge["challenge"], solution, inline=inline)
        assert answer.status == 200, answer
        return self.redeem(challenge["challenge"], solution, inline=inline)

    def malformed(self, case, inline=None):
        challenge = self.challenge()
        token, solution = challenge["challenge"], protocol.solve(challenge)
        token, solution = case(token, solution)
        return self.redeem(token, solution, inline=inline)

    def malformed_body(self, case):
        challenge = self.challenge()
        return self.post(case(challenge["challenge"], protocol.solve(challenge)))


MALFORMED_PARTS = {
    "token not base64url": lambda token, solution: (token[:-1] + "*", solution),
    "token with padding": lambda token, solution: (token + "==", solution),
    "token in the other base64": lambda token, solution: (token[:50] + "+/" + token[52:], solution),
    "token too short": lambda token, solution: (token[:-4], solution),
    "token too long": lambda token, solution: (token + "AAAA", solution),
    "token one too long": lambda token, solution: (token + "A", solution),
    "token of 513 characters": lambda token, solution: (token + "A" * (513 - len(token)), solution),
    "token empty": lambda token, solution: ("", solution),
    "token of version 2": lambda token, solution: (flipped(flipped(token, 0, 0), 0, 1), solution),
    "token of version 0": lambda token, solution: (flipped(token, 0, 0), solution),
    "token of another type": lambda token, solution: (flipped(token, 1, 4), solution),
    "solution not base64url": lambda token, solution: (token, "*" + solution[1:]),
    "solution with padding": lambda token, solution: (token, solution + "="),
    "solution of a round less": lambda token, solution: (token, protocol.encode(protocol.decode(solution)[:-1])),
    "solution of a round more": lambda token, solution: (token, protocol.encode(protocol.decode(solution) + [0])),
    "solution a byte short": lambda token, solution: (token, solution[:-2]),
    "solution empty": lambda token, solution: (token, ""),
    # 32 bytes are 43 characters, whose last has two spare bits: only 0 is canonical.
    "solution not canonical": lambda token, solution: (token, solution[:-1] + chr(ord(solution[-1]) + 1)),
    "solution of 65 rounds": lambda token, solution: (token, protocol.encode([0] * 65)),
}


MALFORMED_BODIES = {
    "no JSON": lambda token, solution: b"challenge",
    "nothing": lambda token, solution: b"",
    "JSON without an end": lambda token, solution: json_body({"challenge": token, "solution": solution})[:-1],
    "trailing bytes": lambda token, solution: json_body({"challenge": token, "solution": solution}) + b"x",
    "two objects": lambda token, solution: json_body({"challenge": token, "solution": solution}) * 2,
    "an array": lambda token, solution: json_body([token, solution]),
    "a member missing": lambda token, solution: json_body({"challenge": token}),
    "a number": lambda token, solution: json_body({"challenge": token, "solution": 7}),
    "null": lambda token, solution: json_body({"challenge": None, "solution": solution}),
    "a member twice": lambda token, solution: (
        b'{"challenge":"%s","solution":"%s","solution":"%s"}' % ((token.encode(),) + (solution.encode(),) * 2)
    ),
    "not UTF-8": lambda token, solution: json_body({"challenge": token, "solution": solution}).replace(b"AA", b"\xff\xfe", 1)
    + b"\xff",
    "a NUL": lambda token, solution: json_body({"challenge": token + "\0", "solution": solution}),
    "a deep array": lambda token, solution: b"[" * 4_000,
}


def solved_form(provoker):
    challenge = provoker.challenge()
    return f"challenge={challenge['challenge']}&solution={protocol.solve(challenge)}".encode()


# name: (provoke, status, type)
TABLE = {
    "over the free limits": (Provoker.work_required, 429, "work-required"),
    "where nothing is free": (Provoker.work_required_of_all, 401, "work-required"),
    "over the ceiling with a pass": (Provoker.over_ceiling_free, 429, "over-limit"),
    "over the free limits where no work helps": (Provoker.over_limit_without_work, 429, "over-limit"),
    "a body of 8 KiB": (lambda p: p.post(b" " * 8_192), 400, "malformed"),
    "a body above 8 KiB": (lambda p: p.post(b" " * 8_193), 413, "too-large"),
    "a chunked body above 8 KiB": (
        lambda p: p.client.request(
            "POST",
            protocol.REDEEM,
            p.headers(("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")),
            b"1001\r\n" + b" " * 4_097 + b"\r\n" + b"1001\r\n" + b" " * 4_097 + b"\r\n0\r\n\r\n",
        ),
        413,
        "too-large",
    ),
    "text/plain": (lambda p: p.post(solved_form(p), "text/plain"), 415, "unsupported-media-type"),
    "multipart": (lambda p: p.post(solved_form(p), "multipart/form-data"), 415, "unsupported-media-type"),
    "no media type": (lambda p: p.post(solved_form(p), None), 415, "unsupported-media-type"),
    "GET redeem": (lambda p: p.get(protocol.REDEEM), 405, "method-not-allowed"),
    "PUT redeem": (lambda p: p.client.request("PUT", protocol.REDEEM, p.headers(), b"{}"), 405, "method-not-allowed"),
    "POST challenge": (
        lambda p: p.client.post(f"{protocol.CHALLENGE}?policy=api", b"", p.headers()),
        405,
        "method-not-allowed",
    ),
    "a policy that is not there": (lambda p: p.get(f"{protocol.CHALLENGE}?policy=nobody"), 404, "unknown-policy"),
    "no policy, where there are several": (lambda p: p.get(protocol.CHALLENGE), 404, "unknown-policy"),
    "a policy without work": (lambda p: p.get(f"{protocol.CHALLENGE}?policy=idle"), 404, "unknown-policy"),
    "an endpoint that is not there": (lambda p: p.get(protocol.BASE + "nothing"), 404, "no-route"),
    "a round that misses": (Provoker.wrong_round, 403, "wrong-solution"),
    "another's tag": (Provoker.not_authentic, 403, "wrong-solution"),
    "another policy's number": (lambda p: p.not_authentic(9), 403, "wrong-solution"),
    "another binding": (lambda p: p.not_authentic(15), 403, "wrong-solution"),
    "another target": (lambda p: p.not_authentic(32), 403, "wrong-solution"),
    "more grants": (lambda p: p.not_authentic(42), 403, "wrong-solution"),
    "another client": (Provoker.other_client, 403, "other-client"),
    "an epoch that is not kept": (Provoker.unknown_epoch, 410, "expired"),
    "too old": (Provoker.too_old, 410, "expired"),
    "spent": (Provoker.already_spent, 409, "already-spent"),
    "a denied route": (lambda p: p.get("/banned/x"), 403, "denied"),
    "no route": (lambda p: p.get("/nowhere"), 404, "no-route"),
    "in line: a round that misses": (lambda p: p.wrong_round("/api/x"), 403, "wrong-solution"),
    "in line: another's tag": (lambda p: p.not_authentic(inline="/api/x"), 403, "wrong-solution"),
    "in line: another client": (lambda p: p.other_client("/api/x"), 403, "other-client"),
    "in line: an epoch that is not kept": (lambda p: p.unknown_epoch("/api/x"), 410, "expired"),
    "in line: too old": (lambda p: p.too_old("/brief/x"), 410, "expired"),
    "in line: spent": (lambda p: p.already_spent("/api/x"), 409, "already-spent"),
    "in line: no dot": (lambda p: p.get("/api/x", ("PoW-Solution", "A" * 112)), 400, "malformed"),
    "in line: empty": (lambda p: p.get("/api/x", ("PoW-Solution", "")), 400, "malformed"),
    "in line: two": (lambda p: p.get("/api/x", ("PoW-Solution", "A.B"), ("PoW-Solution", "A.B")), 400, "malformed"),
    "in line: too long": (lambda p: p.get("/api/x", ("PoW-Solution", "A." + "A" * 4_000)), 400, "malformed"),
}
for _name, _case in MALFORMED_PARTS.items():
    TABLE[_name] = (lambda p, case=_case: p.malformed(case), 400, "malformed")
    TABLE["in line: " + _name] = (lambda p, case=_case: p.malformed(case, "/api/x"), 400, "malformed")
for _name, _case in MALFORMED_BODIES.items():
    TABLE["body: " + _name] = (lambda p, case=_case: p.malformed_body(case), 400, "malformed")
