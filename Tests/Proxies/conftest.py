"""Fixtures: each proxy with Tollgate and a site behind it, and a headless Chromium. At the end a table is printed."""

import os
import shutil

import pytest
from playwright.sync_api import Browser, sync_playwright

from proxies import PROXIES
from stack import BINARY, Stack

# One step of a browser may take this long on a machine that is busy with other things, in milliseconds.
PATIENCE = 60_000
ROWS = ["page", "fetch", "forged", "endpoints", "traffic", "down, fail-closed", "down, fail-open", "files"]


@pytest.fixture(scope="session", params=PROXIES, ids=lambda proxy: proxy.name)
def proxy(request):
    return request.param


@pytest.fixture(scope="session")
def stack(proxy, tmp_path_factory):
    """A proxy that fails closed, as it is shipped. One for all tests of that proxy."""
    stack = Stack(proxy, tmp_path_factory.mktemp(proxy.name))
    yield stack
    stack.stop()


@pytest.fixture
def client(stack):
    with stack.client() as client:
        yield client


@pytest.fixture(scope="session")
def browser():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "chromium is missing; Tests/Proxies/run.sh installs it"
    with sync_playwright() as playwright:
        # Tests run as root in containers, where Chromium's sandbox cannot start.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--headless=new"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser):
    """A page of a fresh profile: no cookies, no storage."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


# The table

_cells: dict[tuple[str, str], list[bool]] = {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    stack = item.funcargs.get("stack") or item.funcargs.get("fallible")
    if report.failed and stack is not None:
        for process in (stack.front, stack.tollgate):
            report.sections.append((str(process.log_path), process.log()))
    shows = item.get_closest_marker("shows")
    proxy = getattr(item, "callspec", None) and item.callspec.params.get("proxy")
    if shows is None or proxy is None:
        return
    row = shows.args[0].format(variant=item.callspec.params.get("variant"))
    if report.when == "call" or not report.passed:
        _cells.setdefault((row, proxy.name), []).append(report.passed)


def pytest_terminal_summary(terminalreporter):
    if not _cells:
        return
    columns = [each.name for each in PROXIES]
    terminalreporter.section("proxies")
    line = "{:<18}" + "{:>14}" * len(columns)
    terminalreporter.write_line(line.format("", *columns))
    terminalreporter.write_line(line.format("version", *(each.version_text() for each in PROXIES)))
    for row in ROWS:
        cells = [_cells.get((row, column)) for column in columns]
        texts = ["-" if not each else f"{sum(each)} of {len(each)}" + ("" if all(each) else " !") for each in cells]
        terminalreporter.write_line(line.format(row, *texts))


def pytest_sessionstart(session):
    if not os.path.exists(BINARY):
        pytest.exit("TOLLGATE_BINARY names no program, and there is no tollgate in PATH", 4)
