"""Fixtures: a headless Chromium (the system's), and gateways for it to meet.

With TOLLGATE_BINARY in the environment, the tests that take `gate` meet a real `tollgate serve`; else the stub.
"""

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
def browser():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "chromium is missing; Tests/Browser/run.sh installs it"
    with sync_playwright() as playwright:
        # Tests run as root in containers, where Chromium's sandbox cannot start.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--headless=new"])
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
def page(browser: Browser):
    """A page of a fresh profile: no cookies, no storage. No test may leave an error in it."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.watched = Watched(page)
    yield page
    context.close()
    assert page.watched.violations == []
    assert page.watched.errors == []


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
def gate(stub, tmp_path):
    """The URL of a gateway that lets nobody through without a pass: the real one, or the stub."""
    if BINARY is None:
        yield stub().url
        return
    site = Running(Site)
    gateway, probes = free_port(), free_port()
    configuration = tmp_path / "tollgate.yaml"
    configuration.write_text(
        f"""node: {{ name: a, data: {tmp_path / "data"} }}
listeners: [ {{ address: "127.0.0.1:{gateway}" }} ]
probes: {{ address: "127.0.0.1:{probes}" }}
upstreams: {{ app: {{ servers: ["{site.address}"] }} }}
routes: [ {{ name: all, match: {{ path: "/*" }}, upstream: app, policy: site }} ]
policies: {{ site: {{ preset: site, free: [ {{ rate: 0 }} ], work: {{ difficulty: 40000, rounds: 16 }} }} }}
"""
    )
    with open(tmp_path / "tollgate.log", "wb") as log:
        command = [str(pathlib.Path(BINARY).resolve()), "serve", "--config", str(configuration)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_ready(process, f"http://127.0.0.1:{probes}/readyz", tmp_path / "tollgate.log")
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
