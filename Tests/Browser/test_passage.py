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


def test_a_form_is_not_sent_again_and_the_page_says_so(page, gate):
    page.goto(f"{gate}/x")
    arrives(page, "GET /x")
    page.context.clear_cookies()
    page.evaluate(
        """() => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = "/form?q=1#f";
            document.body.append(form);
            form.submit();
        }"""
    )
    page.wait_for_selector("body[data-state=done]")
    assert "not delivered" in page.inner_text("#status")
    page.click("#onward")
    arrives(page, "GET /form?q=1")
    assert page.url == f"{gate}/form?q=1#f"
