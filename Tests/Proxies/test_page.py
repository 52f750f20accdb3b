"""People get through: a headless Chromium meets the page behind each proxy."""

import pytest

pytestmark = pytest.mark.shows("page")

POST_A_FORM = """(action) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = action;
    const field = document.createElement("input");
    field.name = "word";
    field.value = "typed & <kept> é";
    form.append(field);
    document.body.append(form);
    form.submit();
}"""


def arrives(page, text: str):
    page.wait_for_selector("#at")
    assert page.inner_text("#at") == text


def test_a_browser_sees_the_page_passes_and_gets_what_it_asked_for(stack, page):
    page.context.add_cookies([{"name": "session", "value": "mine", "url": stack.url}])
    answer = page.goto(f"{stack.url}/paid/wanted?q=%2F%20x")
    assert answer.status == 401
    assert answer.header_value("content-type") == "text/html; charset=utf-8"
    arrives(page, "GET /paid/wanted?q=%2F%20x")
    assert page.url == f"{stack.url}/paid/wanted?q=%2F%20x"
    names = {each["name"]: each for each in page.context.cookies()}
    assert names["tollgate_paid"]["httpOnly"]
    # What the site sees of it: its own cookie.
    seen = stack.site.saw("/paid/wanted")
    assert [each["method"] for each in seen] == ["GET"]
    cookies = [value for name, value in seen[0]["headers"] if name.lower() == "cookie"]
    assert cookies == ["session=mine"]


def test_a_browser_over_its_free_requests_sees_the_page_with_429(stack, page):
    statuses = [page.goto(f"{stack.url}/counted/{index}").status for index in range(4)]
    assert statuses[-1] == 429
    arrives(page, "GET /counted/3")


def test_a_form_that_meets_the_page_is_posted_again_where_the_proxy_hands_it_on(stack, page):
    page.goto(f"{stack.url}/paid/form")
    arrives(page, "GET /paid/form")
    page.context.clear_cookies()
    page.evaluate(POST_A_FORM, "/paid/form?n=1")
    if stack.proxy.replays_forms:
        arrives(page, "POST /paid/form?n=1")
        assert page.inner_text("#sent") == "word=typed+%26+%3Ckept%3E+%C3%A9"
    else:
        page.wait_for_selector("body[data-state=done]")
        assert stack.site.saw("/paid/form?n=1") == []
