"""By what a challenge is solved: each browser by the best that it has and that its policies allow, and on by the next."""

import platform

import pytest

from conftest import launch
from stub_gateway import SECURITY_POLICY
from test_passage import arrives

DIFFICULTY = 200_000
NO_WASM = SECURITY_POLICY.replace(" 'wasm-unsafe-eval'", "")
NO_WORKERS = SECURITY_POLICY.replace("worker-src 'self'", "worker-src 'none'")


# Tells the console of each way that the page takes, however short the time for which it says so.
TELL = """new MutationObserver(() => {
    const { engine, place } = document.body ? document.body.dataset : {};
    if (engine) console.log(`way: ${engine} ${place}`);
}).observe(document, { subtree: true, attributeFilter: ["data-engine", "data-place"] })"""


def passes(page, url: str, engine: str, place: str):
    ways = []
    page.add_init_script(TELL)
    page.on("console", lambda message: ways.append(message.text) if message.text.startswith("way: ") else None)
    page.goto(f"{url}/x", wait_until="commit")
    arrives(page, "GET /x")
    assert ways[-1] == f"way: {engine} {place}"


def files(page) -> set[str]:
    return {url.rpartition("/")[2] for url in page.watched.requests}


def test_with_simd(page, start_gate):
    passes(page, start_gate(difficulty=DIFFICULTY), "simd", "workers")
    assert "solver.wasm" in files(page) and not files(page) & {"scalar.wasm", "sha256.js"}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="every processor of this family has SIMD, and no flag hides it")
def test_without_simd(playwright, open_page, start_gate):
    # A processor as it was before SSSE3 and SSE4.1: V8 then knows no SIMD.
    flags = "--js-flags=--no-enable-sse3,--no-enable-ssse3,--no-enable-sse4-1,--no-enable-sse4-2,--no-enable-avx,--no-enable-avx2"
    browser = launch(playwright, flags)
    try:
        page = open_page(browser)
        passes(page, start_gate(difficulty=DIFFICULTY), "scalar", "workers")
        assert "scalar.wasm" in files(page) and not files(page) & {"solver.wasm", "sha256.js"}
    finally:
        browser.close()


def test_without_webassembly(playwright, open_page, start_gate):
    # As the lockdown modes of browsers are: no compiler, neither for JavaScript nor for WebAssembly.
    browser = launch(playwright, "--js-flags=--jitless")
    try:
        page = open_page(browser)
        gate = start_gate(difficulty=DIFFICULTY)
        passes(page, gate, "script", "workers")
        assert "sha256.js" in files(page) and not files(page) & {"solver.wasm", "scalar.wasm"}
    finally:
        browser.close()


def test_where_a_policy_forbids_webassembly(page, stub):
    gate = stub(difficulty=DIFFICULTY, security_policy=NO_WASM)
    passes(page, gate.url, "script", "workers")
    page.watched.violations.clear()


def test_where_workers_are_blocked(page, stub):
    gate = stub(difficulty=DIFFICULTY, security_policy=NO_WORKERS)
    passes(page, gate.url, "simd", "page")
    page.watched.violations.clear()


def test_where_workers_and_webassembly_are_blocked(page, stub):
    gate = stub(difficulty=DIFFICULTY, security_policy=NO_WORKERS.replace(" 'wasm-unsafe-eval'", ""))
    passes(page, gate.url, "script", "page")
    page.watched.violations.clear()


def test_a_browser_without_workers(page, stub):
    page.add_init_script("delete window.Worker")
    passes(page, stub(difficulty=DIFFICULTY).url, "simd", "page")


def test_the_page_answers_its_reader_while_it_computes_by_itself(page, stub):
    gate = stub(difficulty=10**15, security_policy=NO_WORKERS.replace(" 'wasm-unsafe-eval'", ""))
    page.goto(gate.url)
    page.wait_for_selector("body[data-place=page]:not([data-hashes='0'])")
    page.click("summary")
    assert page.locator("details[open]").count() == 1
    page.watched.violations.clear()


@pytest.mark.parametrize("missing, engine", [({"solver.wasm"}, "scalar"), ({"solver.wasm", "scalar.wasm"}, "script")])
def test_what_does_not_load_is_done_without(page, stub, missing, engine):
    gate = stub(difficulty=DIFFICULTY, missing=missing)
    passes(page, gate.url, engine, "workers")


@pytest.mark.parametrize(
    "script, engine, place",
    [
        # It compiles, and does not run.
        ("self.WebAssembly && (WebAssembly.instantiate = async () => { throw new RangeError('memory') })", "script", "page"),
        ("WebAssembly.compile = async () => { throw new WebAssembly.CompileError('v128') }", "script", "workers"),
        ("window.Worker = class { constructor() { throw new Error('no') } }", "simd", "page"),
        # Some browsers allow a page fewer workers than there are processors.
        ("Object.defineProperty(navigator, 'hardwareConcurrency', { value: 4 }); let left = 1; "
         "window.Worker = new Proxy(Worker, { construct(target, list) { if (left-- === 0) throw new Error('no'); "
         "return new target(...list); } })", "simd", "workers"),
    ],
    ids=["memory", "compile", "worker", "fewer"],
)  # fmt: skip
def test_what_fails_is_followed_by_the_next(page, stub, script, engine, place):
    if engine == "script" and place == "page":
        # Only the page's own thread is broken by the script: there, the engines fail one after another.
        script += "; delete window.Worker"
    gate = stub(difficulty=DIFFICULTY)
    page.add_init_script(script)
    passes(page, gate.url, engine, place)


def test_a_solution_that_is_not_right_is_not_asked_of_the_same_engine_again(page, stub):
    gate = stub(difficulty=DIFFICULTY)
    # The first solver answers everything at once, wrongly.
    wrong = (
        "self.onmessage = ({ data }) => { if (data.begin !== undefined) { self.generation = data.begin; return; } "
        "const { generation, round, high, low } = data; "
        "self.postMessage({ generation, round, high, low, count: 1, found: 0 }); };"
    )
    headers = {"Content-Security-Policy": SECURITY_POLICY, "Content-Type": "text/javascript"}
    page.add_init_script("Object.defineProperty(navigator, 'hardwareConcurrency', { value: 1 })")
    page.route("**/worker.js", lambda route: route.fulfill(body=wrong, headers=headers), times=1)
    passes(page, gate.url, "scalar", "workers")
    assert gate.gateway.count("wrong-solution") == 1 and gate.gateway.count("redeemed") == 1
