#!/usr/bin/env python3
"""Test vectors for wire protocol version 1, by an implementation of its own: Python's standard library and the text of
the protocol, nothing of Tollgate.

    python3 generate.py            checks protocol-v1.json and writes puzzles-v1.json and tokens-v1.json beside it
    python3 generate.py --check    writes nothing; exits 1 where a file is not what this script would write

protocol-v1.json is the first, hand-given set and is only checked. puzzles-v1.json is for everybody who implements the
protocol. tokens-v1.json is for Tollgate alone: clients treat tokens as opaque, but the keys and the layout must not
change by accident between releases that share a cluster. 64-bit numbers are strings, since many readers of JSON would
round them.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
MAX64 = 2**64 - 1


def target_of(difficulty, rounds):
    return min(MAX64, 2**64 * rounds // difficulty - 1)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def head(seed, index, nonce):
    digest = hashlib.sha256(seed + struct.pack(">IQ", index, nonce)).digest()
    return int.from_bytes(digest[:8], "big"), digest


def search(seed, index, target, start=0):
    nonce = start
    while head(seed, index, nonce)[0] > target:
        nonce += 1
    return nonce


def text_of(nonces):
    return base64url(b"".join(struct.pack(">Q", nonce) for nonce in nonces))


# Puzzles: the same members as in protocol-v1.json.


def case(token, rounds, difficulty):
    target = target_of(difficulty, rounds)
    seed = hashlib.sha256(token.encode("ascii")).digest()
    nonces = [search(seed, index, target) for index in range(rounds)]
    return {
        "token": token,
        "rounds": rounds,
        "difficulty": difficulty,
        "target": f"{target:016x}",
        "seed": seed.hex(),
        "first_nonce": nonces[0],
        "first_digest": head(seed, 0, nonces[0])[1].hex(),
        "smallest_solution": text_of(nonces),
    }


def filler(length):
    """A text of so many characters of the alphabet, begun with a letter, different for each length."""
    stream = hashlib.shake_256(f"filler {length}".encode()).digest(length)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "A" + "".join(alphabet[byte & 63] for byte in stream[1:])


def cases():
    yield case(filler(112), 1, 1)  # every n will do: target 2^64 - 1
    yield case(filler(112), 64, 64)  # as many rounds as hashes: the same
    yield case(filler(112), 64, 65)  # the least difficulty that is not
    yield case(filler(112), 1, 100_000)
    yield case(filler(112), 64, 64_000)
    yield case(filler(112), 3, 1_000)
    # Lengths at which SHA-256's padding turns over, and the longest token.
    for length in (1, 2, 54, 55, 56, 57, 63, 64, 65, 111, 119, 120, 128, 511, 512):
        yield case(filler(length), 2, 64)


def answers():
    """Solutions that are right though not the smallest, and wrong ones with the first round that they miss."""
    token, rounds, difficulty = filler(112), 4, 4_096
    target = target_of(difficulty, rounds)
    seed = hashlib.sha256(token.encode()).digest()
    starts = [2**32 - 3, 2**32, 2**63, MAX64 - 200_000]
    large = [search(seed, index, target, start) for index, start in enumerate(starts)]
    smallest = [search(seed, index, target) for index in range(rounds)]

    def answer(what, nonces, first_miss):
        misses = [index for index in range(rounds) if index >= len(nonces) or head(seed, index, nonces[index])[0] > target]
        if len(nonces) > rounds:
            misses.append(rounds)
        assert (misses[0] if misses else None) == first_miss, what
        return {
            "what": what,
            "token": token,
            "rounds": rounds,
            "target": f"{target:016x}",
            "solution": text_of(nonces),
            "nonces": [str(nonce) for nonce in nonces],
            "first_miss": first_miss,
        }

    missing = [next(n for n in range(10_000) if head(seed, index, n)[0] > target) for index in range(rounds)]
    yield answer("the smallest", smallest, None)
    yield answer("large numbers", large, None)
    yield answer("the first round misses", [missing[0]] + smallest[1:], 0)
    yield answer("the last round misses", smallest[:3] + [missing[3]], 3)
    yield answer("all rounds miss", missing, 0)
    yield answer("two rounds exchanged", [smallest[1], smallest[0]] + smallest[2:], 0)
    yield answer("one round too few", smallest[:3], 3)
    yield answer("one round too many", smallest + [0], 4)


def malformed():
    """Texts that are no solution of one round, whatever the target."""
    good = text_of([0x0123456789ABCDEF])
    yield "nothing", ""
    yield "padded", good + "="
    yield "a line end", good + "\n"
    yield "a space before", " " + good
    yield "one character too few", good[:-1]
    yield "one character too many", good + "A"
    yield "seven bytes", base64url(bytes(7))
    yield "nine bytes", base64url(bytes(9))
    yield "bits set beyond the last byte", good[:-1] + chr(ord(good[-1]) + 1)
    yield "the other alphabet, plus", "+" + good[1:]
    yield "the other alphabet, slash", "/" + good[1:]
    yield "a dot", good[:5] + "." + good[6:]
    yield "a letter outside ASCII", good[:5] + "\u00e9" + good[6:]
    yield "65 rounds", text_of([1] * 65)


def targets():
    for difficulty, rounds in (
        (1, 1), (1, 64), (2, 1), (3, 1), (16, 16), (17, 16), (63, 64), (64, 64), (65, 64), (256, 4), (16_000_000, 16),
        (16_000_000, 1), (1_000_003, 7), (2**32, 1), (2**63, 1), (2**63 + 1, 2), (MAX64, 1), (MAX64, 2), (MAX64, 64),
    ):  # fmt: skip
        yield {"difficulty": str(difficulty), "rounds": rounds, "target": f"{target_of(difficulty, rounds):016x}"}


# Tokens: Tollgate's own keys, layouts and hashes.


def kdf(key, number, context, length):
    """libsodium's crypto_kdf_derive_from_key."""
    salt = struct.pack("<Q", number) + bytes(8)
    return hashlib.blake2b(key=key, salt=salt, person=context + bytes(8), digest_size=length).digest()


def epoch_key(cluster, number, secret):
    message = struct.pack(">I", number) + bytes(12) + secret
    return hashlib.blake2b(message, key=cluster, person=b"tollgate-epoch-1", digest_size=32).digest()


def siphash(key, message, wide):
    """SipHash-2-4, of 64 or of 128 bits."""

    def rotate(value, bits):
        return (value << bits | value >> (64 - bits)) & MAX64

    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    if wide:
        v[1] ^= 0xEE

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MAX64
            v[2] = (v[2] + v[3]) & MAX64
            v[1] = rotate(v[1], 13) ^ v[0]
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[1]) & MAX64
            v[0] = (v[0] + v[3]) & MAX64
            v[1] = rotate(v[1], 17) ^ v[2]
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = rotate(v[2], 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE if wide else 0xFF
    rounds(4)
    result = struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])
    if wide:
        v[1] ^= 0xDD
        rounds(4)
        result += struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])
    return result


def tokens():
    cluster = hashlib.sha256(b"cluster secret").digest()
    epochs = {number: hashlib.sha256(f"epoch {number}".encode()).digest() for number in (1, 7, 2**32 - 1)}

    def sealed(kind, epoch, fields):
        key = kdf(epoch_key(cluster, epoch, epochs[epoch]), kind, b"tg-token", 32)
        return base64url(fields + hmac.new(key, fields, hashlib.sha256).digest()[:16])

    def challenge(epoch, policy, binding, issued, lifetime, rounds, target, grants, pass_lifetime, price, number):
        fields = struct.pack(
            ">BBIIBQQIBQIII", 1, 1, epoch, policy, int(binding is not None), binding or 0, issued, lifetime, rounds,
            target, grants, pass_lifetime, price,
        )  # fmt: skip
        assert len(fields + number) + 16 == 84
        return {
            "epoch": epoch, "policy": policy, "binding": None if binding is None else str(binding),
            "issued": str(issued), "lifetime": lifetime, "rounds": rounds, "target": f"{target:016x}",
            "grants": grants, "pass_lifetime": pass_lifetime, "price": price, "id": number.hex(),
            "token": sealed(1, epoch, fields + number),
        }  # fmt: skip

    def opened(epoch, policy, binding, expires, record_expiry, grants, number):
        fields = struct.pack(
            ">BBIIBQQQIB", 1, 2, epoch, policy, int(binding is not None), binding or 0, expires, record_expiry,
            grants, 0,
        )  # fmt: skip
        assert len(fields + number) + 16 == 72
        return {
            "epoch": epoch, "policy": policy, "binding": None if binding is None else str(binding),
            "expires": str(expires), "record_expiry": str(record_expiry), "grants": grants, "id": number.hex(),
            "token": sealed(2, epoch, fields + number),
        }  # fmt: skip

    identity = bytes(range(0xC0, 0xD0))
    hash_key = {name: kdf(cluster, number, b"tg-perm1", 16) for number, name in enumerate(
        ("binding", "quota inner", "quota outer", "idempotency"), start=1)}  # fmt: skip

    def binding(high, low, is_ipv4):
        value = int.from_bytes(siphash(hash_key["binding"], struct.pack(">QQQ", high, low, 4 if is_ipv4 else 6), False), "little")
        return {"high": str(high), "low": str(low), "is_ipv4": is_ipv4, "binding": str(value or 1)}

    def outer(kind, form, a, b, c):
        return siphash(hash_key["quota outer"], struct.pack(">QQQQ", a, b, c, kind << 8 | form), True).hex()

    def of_bytes(kind, data):
        inner = siphash(hash_key["quota inner"], data, True)
        return {"kind": kind, "bytes": data.hex(), "key": outer(kind, 1, *struct.unpack(">QQ", inner), len(data))}

    def of_words(kind, high, low):
        return {"kind": kind, "high": str(high), "low": str(low), "key": outer(kind, 2, high, low, 0)}

    data = [b"", b"a", b"1234567", b"12345678", bytes(range(256)) * 5]
    return {
        "about": "Keys, layouts and hashes of tokens: internal to Tollgate, for clients they are opaque.",
        "cluster_secret": cluster.hex(),
        "epochs": [{"number": number, "secret": secret.hex()} for number, secret in epochs.items()],
        "challenges": [
            challenge(1, 1, None, 0, 300, 16, target_of(16_000_000, 16), 100, 600, 1 << 16, identity),
            challenge(7, 0x01020304, 0x1122334455667788, 0xA1A2A3A4A5A6A7A8, 0x21222324, 33, 0x5152535455565758,
                      0x61626364, 0x71727374, 0x81828384, identity),
            challenge(2**32 - 1, 2**32 - 1, MAX64, MAX64, 2**32 - 1, 64, MAX64, 2**32 - 1, 2**32 - 1, 2**32 - 1, bytes(16)),
        ],
        "passes": [
            opened(1, 1, None, 0, 0, 0, identity),
            opened(7, 0x01020304, 0x1122334455667788, 0xA1A2A3A4A5A6A7A8, 0xB1B2B3B4B5B6B7B8, 0x61626364, identity),
            opened(2**32 - 1, 2**32 - 1, MAX64, MAX64, MAX64, 2**32 - 1, bytes(16)),
        ],
        "bindings": [
            binding(0, 0xC0000201, True), binding(0, 0xC0000201, False), binding(0x20010DB800010000, 0, False),
            binding(MAX64, MAX64, False), binding(0, 0, True),
        ],
        "quota_keys_of_bytes": [of_bytes(kind, item) for kind in (0, 1, 255) for item in data],
        "quota_keys_of_words": [of_words(1, 0, 0), of_words(1, 0, 1), of_words(1, 1, 0), of_words(2, MAX64, MAX64)],
        "idempotency_keys": [{"bytes": item.hex(), "key": siphash(hash_key["idempotency"], item, True).hex()} for item in data],
    }  # fmt: skip


def main():
    # SipHash against the vector of its authors (paper, appendix A), so that a fault here is not believed.
    assert siphash(bytes(range(16)), bytes(range(15)), False) == bytes.fromhex("e545be4961ca29a1")
    given = json.loads((HERE / "protocol-v1.json").read_text())
    for each in given["cases"]:
        assert each == case(each["token"], each["rounds"], each["difficulty"]), "protocol-v1.json differs"

    puzzles = {
        "about": "Wire protocol version 1, more vectors: the members of `cases` are those of protocol-v1.json.",
        "targets": list(targets()),
        "cases": list(cases()),
        "answers": list(answers()),
        "malformed_solutions": [{"what": what, "solution": text} for what, text in malformed()],
    }
    same = True
    for name, content in (("puzzles-v1.json", puzzles), ("tokens-v1.json", tokens())):
        text = json.dumps(content, indent=1, ensure_ascii=True) + "\n"
        path = HERE / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text() != text:
                print(f"{name} is not what generate.py writes", file=sys.stderr)
                same = False
        else:
            path.write_text(text)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
