"""The puzzle of wire protocol version 1, written from its description alone: nothing here is shared with the program.

    solution = solve(challenge)               # challenge: the object of `GET challenge` or of a refusal's member `challenge`
    verify(challenge, solution)               # the index of the first round that misses, None if none does
    target(difficulty, rounds)                # 16 hexadecimal digits
    challenge_header(text)                    # the object that a `PoW-Challenge` header says
    redeem(client, challenge, solution, key=None, headers=())        # the response of POST redeem
    CHALLENGE, REDEEM                         # the endpoints' paths
"""

import base64
import hashlib
import json
import re

BASE = "/.well-known/tollgate/"
CHALLENGE = BASE + "challenge"
REDEEM = BASE + "redeem"
TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,511}")


def target(difficulty, rounds):
    value = min(2**64 - 1, 2**64 * rounds // difficulty - 1)
    return f"{value:016x}"


def seed(token):
    return hashlib.sha256(token.encode("ascii"))


def first_eight(state, number):
    attempt = state.copy()
    attempt.update(number.to_bytes(8, "big"))
    return attempt.digest()[:8]


def round_state(token, index):
    return hashlib.sha256(seed(token).digest() + index.to_bytes(4, "big"))


def solve_numbers(token, rounds, target_hex):
    limit = bytes.fromhex(target_hex)
    numbers = []
    for index in range(rounds):
        state = round_state(token, index)
        number = 0
        while first_eight(state, number) > limit:
            number += 1
        numbers.append(number)
    return numbers


def encode(numbers):
    data = b"".join(number.to_bytes(8, "big") for number in numbers)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(solution):
    data = base64.urlsafe_b64decode(solution + "=" * (-len(solution) % 4))
    return [int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 8)]


def solve(challenge):
    assert challenge["algorithm"] == "SHA-256"
    return encode(solve_numbers(challenge["challenge"], challenge["rounds"], challenge["target"]))


def verify(challenge, solution):
    limit = bytes.fromhex(challenge["target"])
    for index, number in enumerate(decode(solution)):
        if first_eight(round_state(challenge["challenge"], index), number) > limit:
            return index
    return None


def wrong_solution(challenge, good, at=None):
    """`good` with one round, the last by default, that misses the target."""
    numbers = decode(good)
    at = len(numbers) - 1 if at is None else at
    while True:
        numbers[at] = (numbers[at] + 1) % 2**64
        if verify(challenge, encode(numbers)) == at:
            return encode(numbers)


def challenge_header(text):
    """`<token>;alg="SHA-256";rounds=16;target="…";expires-in=300` as the object that it stands for."""
    match = re.fullmatch(
        r'([A-Za-z][A-Za-z0-9_-]{0,511});alg="([^"]*)";rounds=([0-9]+);target="([0-9a-f]{16})";expires-in=([0-9]+)', text
    )
    if not match:
        raise ValueError(f"not a PoW-Challenge field: {text}")
    token, algorithm, rounds, target_hex, expires = match.groups()
    return {
        "challenge": token,
        "algorithm": algorithm,
        "rounds": int(rounds),
        "target": target_hex,
        "expires_in": int(expires),
    }


def redeem(client, challenge, solution, key=None, headers=()):
    headers = list(headers) + [("Content-Type", "application/json")]
    if key is not None:
        headers.append(("Idempotency-Key", key))
    body = json.dumps({"challenge": challenge["challenge"], "solution": solution}).encode()
    return client.post(REDEEM, body, headers)
