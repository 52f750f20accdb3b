"""Without JavaScript: the page says what to run and takes its answer, and a form that met it is not lost."""

import json
import os
import shlex
import subprocess

import pytest

import protocol
from test_forms import FIELDS, POST
from test_passage import arrives

BINARY = os.environ.get("TOLLGATE_BINARY")


@pytest.fixture
def silent(open_page):
    return open_page(java_script_enabled=False)


def solved(page) -> str:
    """What the command of the page prints: run by a shell, or without the program computed here."""
    command = page.inner_text("pre")
    first, text, last = command.strip().split("\n")
    assert (first, last) == ("tollgate solve <<'END'", "END")
    if BINARY is not None:
        script = f"tollgate() {{ {shlex.quote(BINARY)} \"$@\"; }}\n{command}\n"
        return subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout
    challenge = json.loads(text)
    solution = protocol.solve(challenge["challenge"], challenge["rounds"], int(challenge["target"], 16))
    return json.dumps({"challenge": challenge["challenge"], "solution": solution})


def test_the_line_that_is_printed_opens_the_way(silent, gate):
    silent.goto(f"{gate}/some/page?a=1&b=%22")
    assert silent.is_hidden("#work") and silent.is_hidden("#outcome")
    silent.fill("#solution", solved(silent))
    silent.click("#answer button")
    arrives(silent, "GET /some/page?a=1&b=%22")
    assert silent.url == f"{gate}/some/page?a=1&b=%22"
    silent.goto(f"{gate}/other")
    arrives(silent, "GET /other")


def test_the_solution_alone_does_too(silent, gate):
    silent.goto(f"{gate}/x")
    silent.fill("#solution", json.loads(solved(silent))["solution"])
    silent.click("#answer button")
    arrives(silent, "GET /x")


def test_an_address_of_another_host_is_not_gone_to(silent, gate):
    silent.goto(f"{gate}//other.example/x")
    silent.fill("#solution", solved(silent))
    silent.click("#answer button")
    silent.wait_for_selector("#at")
    assert silent.url.startswith(f"{gate}/")


def test_a_wrong_answer_says_so_and_leads_back(silent, gate):
    silent.goto(f"{gate}/x")
    silent.fill("#solution", protocol.encode([7] * 16))
    silent.click("#answer button")
    silent.wait_for_selector("body[data-state=message]")
    assert "did not accept the answer" in silent.inner_text("main")
    silent.click(".actions a")
    assert silent.url == f"{gate}/x"
    silent.fill("#solution", solved(silent))
    silent.click("#answer button")
    arrives(silent, "GET /x")


def test_a_form_waits_in_the_page_for_its_answer(page, gate):
    page.goto(f"{gate}/x")
    arrives(page, "GET /x")
    page.evaluate(POST, ["/form", FIELDS, {}])
    arrives(page, "POST /form")
    expected = page.inner_text("#sent")
    page.goto(f"{gate}/y")
    arrives(page, "GET /y")
    page.context.clear_cookies()
    # From here on nothing runs but what the test itself asks for.
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setScriptExecutionDisabled", {"value": True})
    page.evaluate(POST, ["/form", FIELDS, {}])
    page.wait_for_selector("button[form=replay]")
    assert "not lost" in page.inner_text("#manual")
    page.fill("#solution", solved(page))
    with page.context.expect_page() as opened:
        page.click("#answer button")
    arrives(opened.value, "GET /")
    # The button stands outside its form, whose fields may have any name.
    page.click("button[form=replay]")
    arrives(page, "POST /form")
    assert page.inner_text("#sent") == expected


def test_what_an_old_browser_sees(page, stub):
    # Without modules; and page.js, which such a browser does not ask for, must not run here either.
    gate = stub(missing={"page.js"})
    page.add_init_script("delete HTMLScriptElement.prototype.noModule")
    page.goto(f"{gate.url}/x")
    page.wait_for_selector("body[data-state=failed][data-reason=browser]")
    assert "too old" in page.inner_text("#reason")
    page.fill("#solution", solved(page))
    page.click("#answer button")
    arrives(page, "GET /x")
