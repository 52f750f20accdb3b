"""An implementation of Tollgate's wire protocol, version 1, that shares nothing with the others: only Python's library.

It is what the stub gateway verifies with, and what the page's solutions are compared with.
"""

import base64
import hashlib
import re
import struct

TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,511}")
ROUNDS_MAX = 64


def target_for(difficulty: int, rounds: int) -> int:
    """The largest 64-bit value that a try's digest may begin with, for `difficulty` expected hashes in all."""
    return min(2**64 - 1, 2**64 * rounds // difficulty - 1)


def seed_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()


def value_of(seed: bytes, round_index: int, n: int) -> int:
    """The first eight bytes of a try's digest, as a number."""
    return int.from_bytes(hashlib.sha256(seed + struct.pack(">IQ", round_index, n)).digest()[:8], "big")


def encode(numbers: list[int]) -> str:
    return base64.urlsafe_b64encode(b"".join(struct.pack(">Q", n) for n in numbers)).decode().rstrip("=")


def decode(solution: str, rounds: int) -> list[int] | None:
    """The numbers of a solution; None where it is not in its one form."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", solution):
        return None
    try:
        data = base64.urlsafe_b64decode(solution + "=" * (-len(solution) % 4))
    except ValueError:
        return None
    if len(data) != rounds * 8:
        return None
    numbers = [n for (n,) in struct.iter_unpack(">Q", data)]
    return numbers if encode(numbers) == solution else None


def verify(token: str, rounds: int, target: int, solution: str) -> bool:
    """Whether every round of a solution meets the target."""
    numbers = decode(solution, rounds)
    if numbers is None:
        return False
    seed = seed_of(token)
    return all(value_of(seed, i, n) <= target for i, n in enumerate(numbers))


def solve(token: str, rounds: int, target: int) -> str:
    """The solution made of each round's smallest number."""
    seed = seed_of(token)
    numbers = []
    for i in range(rounds):
        n = 0
        while value_of(seed, i, n) > target:
            n += 1
        numbers.append(n)
    return encode(numbers)
