"""The Python implementation of the protocol against the published vectors: what the other tests trust."""

import json
import pathlib

import pytest

import protocol

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "Vectors/protocol-v1.json"
CASES = json.loads(VECTORS.read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["token"][:12])
def test_vectors_agree(case):
    target = protocol.target_for(case["difficulty"], case["rounds"])
    assert f"{target:016x}" == case["target"]
    assert protocol.seed_of(case["token"]).hex() == case["seed"]
    assert protocol.solve(case["token"], case["rounds"], target) == case["smallest_solution"]
    assert protocol.verify(case["token"], case["rounds"], target, case["smallest_solution"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["token"][:12])
def test_another_number_in_any_round_is_refused(case):
    target = int(case["target"], 16)
    numbers = protocol.decode(case["smallest_solution"], case["rounds"])
    seed = protocol.seed_of(case["token"])
    for i, n in enumerate(numbers):
        wrong = next(m for m in range(n + 1, n + 10_000) if protocol.value_of(seed, i, m) > target)
        changed = protocol.encode(numbers[:i] + [wrong] + numbers[i + 1 :])
        assert not protocol.verify(case["token"], case["rounds"], target, changed)


def test_a_solution_has_one_form():
    text = protocol.encode([1, 2])
    assert protocol.decode(text, 2) == [1, 2]
    for other in (text + "=", text + "A", text[:-1], text[:-1] + "B", text.replace("A", "+", 1), " " + text):
        assert protocol.decode(other, 2) is None
    assert protocol.decode(text, 1) is None
