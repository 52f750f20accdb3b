"""Fixtures: a headless Chromium (the system's), and gateways for it to meet.

With TOLLGATE_BINARY in the environment, the tests that take `gate` meet a real `tollgate serve`; else the stub.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from stub_gateway import Settings, Stub
from upstream import Running, Site

BINARY = os.environ.get("TOLLGATE_BINARY")
# One step of a browser may take this long on a machine that is busy with other things, in milliseconds.
PATIENCE = 60_000


@pytest.fixture(scope="session")
def playwright():
    with sync_playwright() as playwright:
        yield playwright


def launch(playwright, *flags: str) -> Browser:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "chromium is missing; Tests/Browser/run.sh installs it"
    # Tests run as root in containers, where Chromium's sandbox cannot start.
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--headless=new", *flags])


@pytest.fixture(scope="session")
def browser(playwright):
    browser = launch(playwright)
    yield browser
    browser.close()


class Watched:
    """What went wrong inside a page, as the browser tells it."""

    def __init__(self, page: Page):
        self.violations: list[str] = []
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.console(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def console(self, text: str):
        if "Content Security Policy" in text:
            self.violations.append(text)


@pytest.fixture
def open_page(browser: Browser):
    """Opens pages of fresh profiles: no cookies, no storage. `open_page(locale="ja")` takes the options of a context, and
    `browser=` another browser. No test may leave an error in them, unless it clears what is watched."""
    pages = []

    def open_one(browser: Browser = browser, **options) -> Page:
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(PATIENCE)
        page.watched = Watched(page)
        pages.append(page)
        return page

    yield open_one
    for page in pages:
        page.context.close()
    for page in pages:
        assert page.watched.violations == []
        assert page.watched.errors == []


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def stub():
    """Starts stub gateways: `stub(difficulty=…)`."""
    running = []

    def start(**settings) -> Stub:
        running.append(Stub(Settings(**settings)))
        return running[-1]

    yield start
    for each in running:
        each.close()


@pytest.fixture
def start_gate(stub, tmp_path):
    """Starts a gateway, the real one or the stub, and returns its URL. `free` requests are free, of which a navigation must
    find `reserve` left; by default nobody gets through without a pass."""
    stack = contextlib.ExitStack()

    def start(*, free: int = 0, reserve: int = 0, difficulty: int = 40_000) -> str:
        if BINARY is None:
            return stub(difficulty=difficulty, free=free, reserve=reserve).url
        rate = f"{{ rate: 1/day, burst: {free} }}" if free else "{ rate: 0 }"
        policy = f"free: [ {rate} ], reserve: {reserve}, work: {{ difficulty: {difficulty}, rounds: 16 }}"
        return stack.enter_context(real_gateway(tmp_path, policy))

    with stack:
        yield start


@pytest.fixture
def gate(start_gate):
    """The URL of a gateway that lets nobody through without a pass: the real one, or the stub."""
    return start_gate()


@contextlib.contextmanager
def real_gateway(folder: pathlib.Path, policy: str):
    """A `tollgate serve` before the site, with one policy; its URL."""
    site = Running(Site)
    gateway, probes = free_port(), free_port()
    configuration = folder / "tollgate.yaml"
    configuration.write_text(
        f"""node: {{ name: a, data: {folder / "data"} }}
listeners: [ {{ address: "127.0.0.1:{gateway}" }} ]
probes: {{ address: "127.0.0.1:{probes}" }}
upstreams: {{ app: {{ servers: ["{site.address}"] }} }}
routes:
  - {{ name: denied, match: {{ path: "/denied" }}, deny: true }}
  - {{ name: all, match: {{ path: "/*" }}, upstream: app, policy: site }}
policies: {{ site: {{ preset: site, {policy} }} }}
"""
    )
    with open(folder / "tollgate.log", "wb") as log:
        command = [str(pathlib.Path(BINARY).resolve()), "serve", "--config", str(configuration)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_ready(process, f"http://127.0.0.1:{probes}/readyz", folder / "tollgate.log")
        yield f"http://127.0.0.1:{gateway}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            site.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(process: subprocess.Popen, url: str, log: pathlib.Path):
    # A process announces nothing that could be awaited here but its answer to this question.
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"not ready: {log.read_text()}")


@pytest.fixture
def foreign():
    """The URL of a site of another origin, with no gateway before it."""
    site = Running(Site)
    # Another name, since a port alone makes another origin but not another site.
    yield f"http://localhost:{site.server.server_port}"
    site.close()
