"""The solvers as the browser runs them: worker.js with each of its engines, against Python's hashlib."""

import random
import subprocess

import esprima
import pytest

import protocol
from stub_gateway import ASSETS, BASE
from test_protocol import CASES

ENGINES = ["simd", "scalar", "script"]
FILES = {"simd": "solver.wasm", "scalar": "scalar.wasm", "script": "sha256.js"}

# Asks a worker for ranges, one after another, and returns what it answers.
ASK = """([url, file, token, ranges]) => new Promise(async (resolve, reject) => {
    const isModule = file.endsWith(".wasm");
    const module = isModule ? await WebAssembly.compile(await (await fetch(url + file)).arrayBuffer()) : null;
    const script = isModule ? null : new URL(url + file, location.href).href;
    const worker = new Worker(`${url}worker.js`);
    const answers = [];
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = (event) => {
        answers.push(event.data);
        if (answers.length === ranges.length || event.data.failed) { worker.terminate(); resolve(answers); }
    };
    worker.postMessage({ begin: 1, module, script, token });
    for (const range of ranges) worker.postMessage({ generation: 1, ...range });
})"""

# Solves a challenge by one engine, in workers or on the page's thread.
SOLVE = """async ([url, object, size, engine, place]) => {
    if (place === "page") delete window.Worker;
    const { readChallenge } = await import(`${url}pool.js`);
    const { Solver } = await import(`${url}solver.js`);
    const solver = new Solver(url, size);
    while (solver.way.engine !== engine) solver.distrust();
    const solution = await solver.solve(readChallenge(object));
    const { done, rounds, hashes } = solver.progress();
    const { way } = solver;
    solver.close();
    return { solution, done, rounds, hashes, ...way };
}"""

# Solves with workers that compute nothing: each answers a range at once, until one reaches a second upper half. The first
# worker of several dies after its tenth range.
PRETEND = """async ([url, object, size]) => {
    const { Pool, readChallenge } = await import(`${url}pool.js`);
    const ranges = [];
    let workers = 0;
    class Pretender {
        constructor() { this.dies = workers++ === 0 && size > 1; this.answered = 0; }
        terminate() { this.gone = true; }
        postMessage(message) {
            if (message.begin !== undefined) { this.generation = message.begin; return; }
            setTimeout(() => {
                if (this.gone) return;
                if (this.dies && ++this.answered > 10) { this.onerror({ message: "dies" }); return; }
                const { round, high, low, count } = message;
                ranges.push([high, low, count]);
                // 2^32 tries are a few hundred ranges; a pool that goes in circles is stopped as well.
                const found = high > 0 || ranges.length > 5000 ? 5 : -1;
                this.onmessage({ data: { generation: this.generation, round, high, low, count, found } });
            });
        }
    }
    const pool = new Pool(Array.from({ length: size }, () => new Pretender()), {}, { seconds: 0.02, rangeMin: 8192 });
    return { solution: await pool.solve(readChallenge(object)), ranges };
}"""


@pytest.fixture
def laboratory(page, stub):
    """A page of the gateway's origin in which nothing runs but what a test puts there."""
    gate = stub()
    page.route(f"{gate.url}/laboratory", lambda route: route.fulfill(body="<!DOCTYPE html>", content_type="text/html"))
    page.goto(f"{gate.url}/laboratory")
    return page


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


def ask(laboratory, engine, token, ranges):
    return laboratory.evaluate(ASK, [f"{BASE}page/", FILES[engine], token, ranges])


def search(i, target, high=0, low=0, count=1 << 16):
    return {
        "round": i, "high": high, "low": low, "count": count,
        "targetHigh": target >> 32, "targetLow": target & 0xFFFFFFFF,
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["token"][:12])
def test_vectors_are_solved_by_their_smallest_numbers(laboratory, engine, case):
    target = int(case["target"], 16)
    answers = ask(laboratory, engine, case["token"], [search(i, target) for i in range(case["rounds"])])
    assert protocol.encode([answer["found"] for answer in answers]) == case["smallest_solution"]
    assert [answer["count"] for answer in answers] == [answer["found"] + 1 for answer in answers]


def test_any_range_gives_what_hashlib_gives(laboratory, engine):
    number = random.SystemRandom().getrandbits(64)
    print(f"seed {number}")
    chance = random.Random(number)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # Lengths at the edges of SHA-256's padding, and the longest.
    for length in (1, 54, 55, 56, 63, 64, 65, 119, 120, 128, 511, 512):
        token = "A" + "".join(chance.choices(alphabet, k=length - 1))
        seed = protocol.seed_of(token)
        ranges, expected = [], []
        for i in chance.sample(range(64), 10):
            high = chance.choice([0, 1, chance.getrandbits(32), 2**32 - 1])
            count = 4 * chance.randrange(1, 200)
            low = chance.choice([0, chance.randrange(0, 2**32 - count), 2**32 - count])
            values = [protocol.value_of(seed, i, high << 32 | low + k) for k in range(count)]
            # Mostly exactly at one try's value, where ≤ and < differ, and one below it; some out of reach.
            value = values[chance.randrange(count)]
            target = chance.choice([value, value, value - 1, min(values), min(values) - 1, 0, 2**64 - 1])
            ranges.append(search(i, target, high, low, count))
            expected.append(next((k for k, each in enumerate(values) if each <= target), -1))
        assert [answer["found"] for answer in ask(laboratory, engine, token, ranges)] == expected, f"seed {number}"


def test_the_lower_half_of_the_target_counts(laboratory, engine):
    # A token whose first try is the best of its four lanes, so that no other meets the target below it.
    token = next(
        name
        for name in (f"Lower{k}" for k in range(1000))
        if min(range(4), key=lambda n: protocol.value_of(protocol.seed_of(name), 0, n)) == 0
    )
    value = protocol.value_of(protocol.seed_of(token), 0, 0)
    below, exact = value - 1, value
    assert below >> 32 == exact >> 32
    answers = ask(laboratory, engine, token, [search(0, below, count=4), search(0, exact, count=4)])
    assert [answer["found"] for answer in answers] == [-1, 0]


@pytest.mark.parametrize("low, count", [(0, 3), (2**32 - 4, 8), (0, 2**30 + 4), (1, 2**32 - 4)])
def test_what_is_not_a_range_is_refused(laboratory, engine, low, count):
    assert "not a range" in ask(laboratory, engine, "Token", [search(0, 0, low=low, count=count)])[0]["failed"]


def test_a_token_without_end_is_refused(laboratory, engine):
    assert "too long" in ask(laboratory, engine, "A" * 513, [search(0, 0)])[0]["failed"]


@pytest.mark.parametrize(
    "size, rounds, difficulty", [(1, 16, 200_000), (3, 16, 400_000), (8, 5, 4_000_000), (4, 1, 4_000_000), (2, 64, 64)]
)
def test_the_pool_solves_with_any_number_of_workers(laboratory, size, rounds, difficulty):
    target = protocol.target_for(difficulty, rounds)
    token = f"A-pool-{size}-{rounds}"
    challenge = {
        "challenge": token, "algorithm": "SHA-256", "rounds": rounds, "target": f"{target:016x}", "expires_in": 300,
    }  # fmt: skip
    result = laboratory.evaluate(SOLVE, [f"{BASE}page/", challenge, size, "simd", "workers"])
    assert protocol.verify(token, rounds, target, result["solution"])
    assert result["done"] == result["rounds"] == rounds
    # One worker searches each round from 0, and reports what it hashed exactly.
    if size == 1:
        smallest = protocol.decode(protocol.solve(token, rounds, target), rounds)
        assert protocol.decode(result["solution"], rounds) == smallest
        assert result["hashes"] == sum(n + 1 for n in smallest)


@pytest.mark.parametrize("place", ["workers", "page"])
def test_every_way_solves(laboratory, engine, place):
    rounds, difficulty = 16, 50_000
    target = protocol.target_for(difficulty, rounds)
    challenge = {
        "challenge": "A-way", "algorithm": "SHA-256", "rounds": rounds, "target": f"{target:016x}", "expires_in": 300,
    }  # fmt: skip
    result = laboratory.evaluate(SOLVE, [f"{BASE}page/", challenge, 2, engine, place])
    assert (result["engine"], result["place"]) == (engine, place)
    assert protocol.verify("A-way", rounds, target, result["solution"])


@pytest.mark.parametrize("size", [1, 3])
def test_ranges_follow_each_other_into_the_next_upper_half(laboratory, size):
    challenge = {
        "challenge": "A", "algorithm": "SHA-256", "rounds": 1, "target": "0000000000000000", "expires_in": 300,
    }  # fmt: skip
    result = laboratory.evaluate(PRETEND, [f"{BASE}page/", challenge, size])
    ranges = sorted((high << 32 | low, count) for high, low, count in result["ranges"])
    assert ranges[0][0] == 0
    gaps = [after - at - count for (at, count), (after, _) in zip(ranges, ranges[1:])]
    # None is searched twice; the only gaps are the two ranges that a worker took with it.
    assert min(gaps) >= 0 and sum(gap > 0 for gap in gaps) <= (0 if size == 1 else 2)
    assert all(at >> 32 == (at + count - 1) >> 32 and count % 4 == 0 for at, count in ranges)
    (n,) = protocol.decode(result["solution"], 1)
    assert n >> 32 == 1 and (n - 5, dict(ranges)[n - 5]) in ranges


def test_the_committed_solvers_are_what_their_source_builds(tmp_path):
    subprocess.run([str(ASSETS / "build-solver.sh"), str(tmp_path)], check=True)
    for name in ("solver.wasm", "scalar.wasm"):
        assert (tmp_path / name).read_bytes() == (ASSETS / name).read_bytes()


def test_every_file_of_the_page_is_embedded():
    embedded = (ASSETS.parent / "CPage.c").read_text()
    files = {str(file.relative_to(ASSETS)) for file in ASSETS.rglob("*") if file.is_file()}
    served = files - {"solver.c", "build-solver.sh"}
    assert {name for name in served if f'#embed "assets/{name}"' in embedded and f'("{name}", "' in embedded} == served


# Classic scripts; the others are modules.
CLASSIC = {"boot.js", "worker.js", "sha256.js"}


@pytest.mark.parametrize("file", sorted(ASSETS.glob("*.js")), ids=lambda file: file.name)
def test_scripts_are_written_for_browsers_of_2018(file):
    # ECMAScript 2017, which the parser knows and nothing later: of whatever comes after it, older browsers understand no
    # line of the file.
    parse = esprima.parseScript if file.name in CLASSIC else esprima.parseModule
    parse(file.read_text())
