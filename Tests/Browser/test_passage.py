"""Getting through: a browser meets the page and lands where it wanted to go. These run against the real gateway too."""

import urllib.parse

import pytest


def arrives(page, text: str):
    page.wait_for_selector("#at")
    assert page.inner_text("#at") == text


@pytest.mark.parametrize(
    "url, asked",
    [
        ("/some/page", "/some/page"),
        ("/some/page?a=1&b=%2F%20x", "/some/page?a=1&b=%2F%20x"),
        ("/some/page?q=2#part", "/some/page?q=2"),
        ("/some/page#part", "/some/page"),
        ("/some/page#", "/some/page"),
        ("/some/page?#", "/some/page?"),
        ("/some/page#?q=%3Cb%3E//other.example/", "/some/page"),
        ("//other.example/", None),
        ("/some/page?q=%7B%7Btitle%7D%7D", "/some/page?q=%7B%7Btitle%7D%7D"),
    ],
)
def test_the_browser_lands_where_it_wanted(page, gate, url, asked):
    page.goto(gate + url)
    if asked is None:
        # A path that looks like another host stays a path of this one, whatever the gateway makes of doubled slashes.
        page.wait_for_selector("#at")
    else:
        arrives(page, f"GET {asked}")
    assert page.url == gate + url


def test_nothing_foreign_is_asked_for(page, gate):
    page.goto(f"{gate}/x")
    arrives(page, "GET /x")
    assert {urllib.parse.urlsplit(url).netloc for url in page.watched.requests} == {urllib.parse.urlsplit(gate).netloc}


def test_the_pass_is_a_cookie_that_scripts_cannot_read(page, gate):
    page.goto(f"{gate}/x")
    arrives(page, "GET /x")
    cookies = [each for each in page.context.cookies() if each["name"] == "tollgate_site"]
    assert len(cookies) == 1
    assert cookies[0]["httpOnly"] and cookies[0]["sameSite"] == "Lax" and cookies[0]["path"] == "/"
    assert page.evaluate("document.cookie") == ""


def test_reloads_and_further_pages_need_no_second_challenge(page, gate):
    page.goto(f"{gate}/x")
    arrives(page, "GET /x")
    redemptions = lambda: sum(url.endswith("/redeem") for url in page.watched.requests)
    for _ in range(2):
        page.reload()
        arrives(page, "GET /x")
    page.goto(f"{gate}/y?z")
    arrives(page, "GET /y?z")
    assert redemptions() == 1


def test_going_back_does_not_meet_the_page_again(page, gate):
    page.goto("about:blank")
    page.goto(f"{gate}/x#part")
    arrives(page, "GET /x")
    page.goto(f"{gate}/y")
    arrives(page, "GET /y")
    page.go_back()
    arrives(page, "GET /x")
    page.go_back()
    assert page.url == "about:blank"


def test_two_tabs_at_once_both_get_through(page, start_gate):
    gate = start_gate(difficulty=400_000)
    other = page.context.new_page()
    other.goto(f"{gate}/b", wait_until="commit")
    page.goto(f"{gate}/a", wait_until="commit")
    arrives(page, "GET /a")
    arrives(other, "GET /b")


def test_a_navigation_is_challenged_while_images_still_load(page, start_gate):
    gate = start_gate(free=8, reserve=5)
    image = "async (path) => (await fetch(path)).status"
    for path in ("/1", "/2", "/3"):
        page.goto(gate + path)
        arrives(page, f"GET {path}")
    assert not any(url.endswith("/redeem") for url in page.watched.requests)
    # Five are left: too few for a navigation, enough for what the third page still loads.
    assert [page.evaluate(image, f"/image/{k}") for k in range(4)] == [200] * 4
    page.goto(f"{gate}/4")
    arrives(page, "GET /4")
    assert any(url.endswith("/redeem") for url in page.watched.requests)


def test_a_frame_of_the_same_origin_gets_through(page, gate):
    page.goto(f"{gate}/outer")
    arrives(page, "GET /outer")
    page.context.clear_cookies()
    page.evaluate("document.body.append(Object.assign(document.createElement('iframe'), { src: '/inner', name: 'inner' }))")
    frame = page.frame_locator("iframe")
    frame.locator("#at").wait_for()
    assert frame.locator("#at").inner_text() == "GET /inner"


def test_a_page_of_another_origin_cannot_frame_it(page, gate, foreign):
    page.goto(f"{foreign}/")
    page.evaluate("(url) => document.body.append(Object.assign(document.createElement('iframe'), { src: url }))", f"{gate}/x")
    page.wait_for_timeout(1_500)
    (frame,) = page.frames[1:]
    # Whatever stands there, it is not ours: neither the page, which solves, nor the site behind it.
    assert frame.locator("[data-state], #at").count() == 0
    assert not any(url.endswith("/redeem") for url in page.watched.requests)
    # The browser may say why.
    assert all("frame-ancestors" in text for text in page.watched.violations)
    page.watched.violations.clear()


LANGUAGES = {
    "ar": ("ar-EG", "لحظة من فضلك"),
    "ja": ("ja-JP", "少しお待ちください"),
    "zh-Hant": ("zh-TW", "請稍候"),
    "en": ("fi-FI", "One moment, please"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_the_browser_s_language_on_a_small_screen(open_page, start_gate, language):
    locale, title = LANGUAGES[language]
    gate = start_gate()
    page = open_page(locale=locale, viewport={"width": 320, "height": 568})
    # Nothing is solved while the page is looked at.
    held = []
    page.route("**/page.js", lambda route: held.append(route))
    page.goto(f"{gate}/x", wait_until="commit")
    page.wait_for_selector("body[data-state=starting]")
    assert page.get_attribute("html", "lang") == language
    assert page.get_attribute("html", "dir") == ("rtl" if language == "ar" else "ltr")
    assert page.inner_text("h1") == title == page.title()
    held[0].continue_()
    arrives(page, "GET /x")
