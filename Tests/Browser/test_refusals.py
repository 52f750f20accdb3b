"""What the page does when something is in its way: each reason is shown, and nothing is tried for ever."""

import time

import pytest

from stub_gateway import BASE, Answer


def ends(page, reason: str) -> str:
    """Waits until the page gives up for `reason`; its words."""
    page.wait_for_selector("body[data-state=failed]")
    assert page.get_attribute("body", "data-reason") == reason
    assert page.is_visible("#again")
    return page.inner_text("#reason")


# Waits of a second or more take a tenth of it.
HURRY = "const wait = setTimeout; self.setTimeout = (call, time, ...rest) => wait(call, time < 900 ? time : time / 10, ...rest)"


def arrives(page):
    page.wait_for_selector("#at")


def settles(stub) -> int:
    """How many requests the gateway has had, when a second has brought no more."""
    before = len(stub.gateway.log)
    time.sleep(1)
    assert len(stub.gateway.log) == before
    return before


def test_an_answer_that_is_lost_costs_nothing(page, stub):
    gate = stub(redeem=[Answer(drop=True, carry_out=True)])
    page.goto(gate.url)
    arrives(page)
    assert len(gate.gateway.passes) == 1
    assert len(set(gate.gateway.keys)) == 1 and len(gate.gateway.keys[0]) == 32
    assert gate.gateway.count("page") == 1


def test_a_server_that_is_gone_is_given_up(page, stub):
    page.add_init_script(HURRY)
    gate = stub(redeem=[Answer(drop=True)], forever=True)
    page.goto(gate.url)
    assert "does not answer" in ends(page, "unreachable")
    # Of the page's own; Chromium itself may repeat one on a connection that it finds closed.
    assert sum(url.endswith("/redeem") for url in page.watched.requests) == 4
    assert len(set(gate.gateway.keys)) == 1
    settles(gate)


def test_the_button_takes_a_fresh_challenge_and_goes_on(page, stub):
    gate = stub(redeem=[Answer(400, "malformed")])
    page.goto(f"{gate.url}/x#part")
    ends(page, "malformed")
    page.click("#again")
    arrives(page)
    assert page.url == f"{gate.url}/x#part"
    assert gate.gateway.count("challenge") == 1


@pytest.mark.parametrize("kind, status", [("expired", 410), ("already-spent", 409), ("wrong-solution", 403)])
def test_a_challenge_that_cannot_be_redeemed_is_replaced(page, stub, kind, status):
    gate = stub(redeem=[Answer(status, kind)] * 3)
    page.goto(gate.url)
    arrives(page)
    assert gate.gateway.count("challenge") == 3
    assert all(entry[1] == f"{BASE}challenge?policy=site" for entry in gate.gateway.log if entry[2] == "challenge")


@pytest.mark.parametrize(
    "kind, status, words",
    [
        ("expired", 410, "expired before its answer"),
        ("already-spent", 409, "handed in before"),
        ("wrong-solution", 403, "did not accept"),
        ("other-client", 403, "another network address"),
    ],
)
def test_it_is_replaced_three_times_and_no_more(page, stub, kind, status, words):
    gate = stub(redeem=[Answer(status, kind)], forever=True)
    page.goto(gate.url)
    text = ends(page, kind)
    assert words in text and "4 times" in text
    assert gate.gateway.count("scripted") == 4
    assert gate.gateway.count("challenge") == 3
    settles(gate)


def test_the_challenge_inside_a_refusal_is_taken(page, stub):
    gate = stub(redeem=[Answer(403, "other-client", members={"fresh": True})])
    page.goto(gate.url)
    arrives(page)
    assert gate.gateway.count("challenge") == 0
    assert gate.gateway.count("redeemed") == 1


def test_a_challenge_that_expires_while_it_is_solved_is_replaced(page, stub):
    gate = stub(difficulty=10**15, expires_in=1)
    page.goto(gate.url)
    ends(page, "expired")
    assert gate.gateway.count("challenge") == 3
    assert gate.gateway.keys == []


def test_over_the_limit_it_waits_as_long_as_it_is_told(page, stub):
    gate = stub(redeem=[Answer(429, "over-limit", {"Retry-After": "3"})])
    page.goto(gate.url)
    page.wait_for_selector("body[data-state=waiting]")
    before = time.monotonic()
    assert "More requests come" in page.inner_text("#status")
    arrives(page)
    # It was told 3 seconds; some of them had gone by when the words were read.
    assert time.monotonic() - before > 1
    assert len(set(gate.gateway.keys)) == 1 and len(gate.gateway.keys) == 2


def test_a_long_wait_is_left_to_the_reader(page, stub):
    gate = stub(redeem=[Answer(429, "over-limit", {"Retry-After": "3600"})])
    page.goto(gate.url)
    text = ends(page, "over-limit")
    assert "come back in 60 minutes" in text
    assert gate.gateway.count("scripted") == 1


def test_without_a_quorum_it_tries_a_few_times(page, stub):
    page.add_init_script(HURRY)
    gate = stub(redeem=[Answer(503, "no-quorum", {"Retry-After": "1"})], forever=True)
    page.goto(gate.url)
    assert "cannot agree" in ends(page, "no-quorum")
    assert gate.gateway.count("scripted") == 4


def test_a_refused_challenge_shows_its_reason(page, stub):
    gate = stub(
        redeem=[Answer(410, "expired")],
        challenge=[Answer(404, "unknown-policy", members={"detail": "no policy of this name <img src=x>"})],
    )
    page.goto(gate.url)
    assert "no challenge of this kind" in ends(page, "unknown-policy")
    # What the server itself says is for those who are asked for help; it is text.
    assert page.inner_text("#technical") == "unknown-policy: no policy of this name <img src=x>"


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "SHA-1"},
        {"rounds": 0},
        {"rounds": 65},
        {"rounds": 1.5},
        {"target": "ff"},
        {"target": "00000000000000zz"},
        {"challenge": "A" * 513},
        {"challenge": "a b"},
        {"challenge": None},
        {"expires_in": "soon"},
    ],
    ids=str,
)
def test_a_challenge_of_another_form_is_not_worked_on(page, stub, change):
    gate = stub(redeem=[Answer(410, "expired")])
    sound = gate.gateway.issue
    first = []

    def issue():
        # The page's own challenge is sound, the fresh one is not.
        if not first:
            first.append(True)
            return sound()
        return {**sound(), **change}

    gate.gateway.issue = issue
    page.goto(gate.url)
    assert "cannot be read" in ends(page, "challenge")
    assert page.inner_text("#technical") != ""
    assert len(gate.gateway.keys) == 1


def test_a_refused_cookie_does_not_loop(page, stub):
    gate = stub(set_cookie=False)
    page.goto(f"{gate.url}/x?y#z")
    assert "allow cookies" in ends(page, "cookies")
    assert gate.gateway.count("redeemed") == 3
    assert gate.gateway.count("page") == 4
    settles(gate)
    # A reload says the same at once, and the button makes one attempt.
    page.reload()
    ends(page, "cookies")
    assert gate.gateway.count("redeemed") == 3
    page.click("#again")
    ends(page, "cookies")
    assert gate.gateway.count("redeemed") == 4


def test_a_browser_without_storage_is_told_at_once(page, stub):
    gate = stub()
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"
    )
    page.goto(gate.url)
    ends(page, "cookies")
    assert gate.gateway.keys == []


def test_grants_that_are_soon_used_up_are_not_taken_for_a_refused_cookie(page, stub):
    gate = stub(grants=1)
    for path in ("/a", "/b", "/c", "/d", "/e"):
        page.goto(gate.url + path)
        arrives(page)
    assert gate.gateway.count("redeemed") == 5


def test_a_download_leaves_the_page_with_a_word_and_its_address(page, stub):
    page.add_init_script(HURRY)
    gate = stub()
    with page.expect_download():
        page.goto(f"{gate.url}/file#part")
    assert page.get_attribute("body", "data-state") == "done"
    assert page.is_visible("#onward")
    page.wait_for_url(f"{gate.url}/file#part")


def test_a_part_that_is_missing_is_named(page, stub):
    gate = stub(missing={"worker.js"})
    page.goto(gate.url)
    assert "could not be loaded" in ends(page, "download")


@pytest.mark.parametrize("name", ["page.js", "pool.js", "words.js"])
def test_a_script_that_does_not_load_is_told_of(page, stub, name):
    gate = stub(missing={name})
    page.goto(f"{gate.url}/x#part")
    assert "could not be loaded" in ends(page, "download")
    # The button loads the page anew.
    gate.gateway.settings.missing.clear()
    page.click("#again")
    arrives(page)
    assert page.url == f"{gate.url}/x#part"


def test_a_script_that_is_not_understood_is_told_of(page, stub):
    gate = stub()
    page.route("**/words.js", lambda route: route.fulfill(body="new words only", content_type="text/javascript"))
    page.goto(gate.url)
    assert "too old" in ends(page, "browser")
    assert page.is_visible("#manual")
    page.watched.errors.clear()


def test_a_browser_that_refuses_cookies_is_told_at_once(page, stub):
    gate = stub()
    page.add_init_script("Object.defineProperty(navigator, 'cookieEnabled', {get: () => false})")
    page.goto(gate.url)
    assert "refuses cookies" in ends(page, "cookies")
    assert gate.gateway.keys == []


def test_other_tabs_go_on_with_the_pass_of_the_first(page, stub):
    gate = stub(difficulty=10**15)
    waiting = [page.context.new_page() for _ in range(3)]
    for index, tab in enumerate(waiting):
        tab.goto(f"{gate.url}/{index}#part")
        tab.wait_for_selector("body[data-state=solving]")
    gate.gateway.settings.difficulty = 40_000
    page.goto(f"{gate.url}/x")
    arrives(page)
    for index, tab in enumerate(waiting):
        arrives(tab)
        assert tab.inner_text("#at") == f"GET /{index}"
    assert gate.gateway.count("redeemed") == 1


def test_two_tabs_whose_cookies_are_refused_do_not_keep_each_other_going(page, stub):
    gate = stub(set_cookie=False)
    other = page.context.new_page()
    other.set_default_timeout(60_000)
    other.goto(f"{gate.url}/b", wait_until="commit")
    page.goto(f"{gate.url}/a", wait_until="commit")
    ends(page, "cookies")
    ends(other, "cookies")
    assert gate.gateway.count("redeemed") <= 6
    settles(gate)


def test_back_from_the_site_does_not_lead_into_a_loop(page, stub):
    gate = stub(grants=1)
    page.goto("about:blank")
    page.goto(f"{gate.url}/a")
    arrives(page)
    for _ in range(3):
        # Each pass is used up at once, so that every step back and forth meets the page.
        page.goto(f"{gate.url}/b")
        arrives(page)
        page.go_back()
        arrives(page)
        assert page.inner_text("#at") == "GET /a"
    page.go_back()
    assert page.url == "about:blank"
