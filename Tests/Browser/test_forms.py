"""Forms that meet a challenge: sent again exactly as they were, or never, and the page says why."""

import urllib.parse

import pytest

from test_passage import arrives

# Sends a form from the page that is open, as its reader would. The names may be anything, so the prototypes are asked.
POST = """([action, fields, options]) => {
    const form = document.createElement("form");
    for (const [name, value] of Object.entries({ method: "post", action, ...options })) form.setAttribute(name, value);
    for (const [name, value] of fields) {
        const area = document.createElement("textarea");
        area.name = name;
        area.value = value;
        form.append(area);
    }
    document.body.append(form);
    HTMLFormElement.prototype.submit.call(form);
}"""

FIELDS = [
    ["name", "Zoë Müller & <b>Söhne</b>"],
    ["comment", "First line\nsecond line\n\n  indented\n"],
    ["leading", "\nafter an empty line"],
    ["twice", "1"],
    ["between", ""],
    ["twice", "2"],
    ["日本語", "こんにちは、世界"],
    ["عربي", "مرحبا‏ \"بالعالم\""],
    ["emoji", "🦀👩‍👩‍👧‍👦"],
    ["quotes", "\"'><script>document.title='x'</script>{{text}} &amp; &#x41; \\ % + ="],
    ["spaces ", " \t two  "],
    ["controls", "\x01\x1f\x7f\x85\u2028\ufeff\ufffd"],
    # Names that would hide what a form or an element has.
    *([name, f"the {name}"] for name in (
        "submit", "action", "method", "target", "enctype", "elements", "length", "id", "name", "parentNode", "nodeName",
        "setAttribute", "getAttribute", "addEventListener", "requestSubmit", "style", "dataset", "hidden", "innerHTML",
        "constructor", "__proto__", "prototype", "toString", "challenge", "solution", "return", "replay", "words",
    )),
    ["_charset_", "not an encoding\nat all"],
    ["_CHARSET_", "\nnor this"],
]  # fmt: skip


def post(page, action, fields, **options):
    page.evaluate(POST, [action, fields, options])


def sent(page) -> str:
    page.wait_for_selector("#at")
    return page.inner_text("#sent")


@pytest.fixture
def inside(page, gate):
    """A page of the site, open behind the gateway."""
    page.goto(f"{gate}/x")
    arrives(page, "GET /x")
    return page


def test_the_site_receives_exactly_what_was_typed(inside, gate):
    # What arrives with a pass is the measure for what arrives without one.
    post(inside, "/form?q=1", FIELDS)
    arrives(inside, "POST /form?q=1")
    expected = sent(inside)
    assert len(urllib.parse.parse_qsl(expected, keep_blank_values=True)) == len(FIELDS)

    inside.goto(f"{gate}/y")
    inside.context.clear_cookies()
    post(inside, "/form?q=1#part", FIELDS)
    arrives(inside, "POST /form?q=1")
    assert sent(inside) == expected
    assert inside.url == f"{gate}/form?q=1#part"
    assert sum(url.endswith("/redeem") for url in inside.watched.requests) == 2


def test_back_leads_to_the_page_with_the_form(inside, gate):
    inside.goto(f"{gate}/form-page")
    inside.context.clear_cookies()
    post(inside, "/form", [["a", "b"]])
    arrives(inside, "POST /form")
    inside.go_back()
    arrives(inside, "GET /form-page")
    assert inside.url == f"{gate}/form-page"
    # And forward again, without an answer that the browser must ask its reader for.
    inside.go_back()
    arrives(inside, "GET /form-page")
    inside.go_back()
    arrives(inside, "GET /x")


def test_the_site_may_answer_with_another_origin(inside, foreign):
    inside.context.clear_cookies()
    post(inside, f"/elsewhere?{foreign}/thanks", [["a", "b"]])
    inside.wait_for_url(f"{foreign}/thanks")


def test_an_empty_form_is_sent_too(inside):
    inside.context.clear_cookies()
    post(inside, "/form", [])
    arrives(inside, "POST /form")
    assert sent(inside) == ""


def test_a_form_of_another_origin_is_never_sent_again_and_the_page_says_so(inside, gate, foreign):
    inside.context.clear_cookies()
    inside.goto(f"{foreign}/")
    post(inside, f"{gate}/transfer", [["amount", "1000000"]])
    inside.wait_for_selector("body[data-state=done]")
    assert inside.get_attribute("body", "data-form") == "lost"
    assert "another website" in inside.inner_text("#lost")
    assert "1000000" not in inside.content()
    assert inside.locator("#replay").count() == 0
    # It stays here, and what it offers is the address without the form.
    assert "go back" in inside.inner_text("#status")
    inside.click("#onward")
    arrives(inside, "GET /transfer")
    assert sent(inside) == ""
    assert inside.url == f"{gate}/transfer"


def test_the_button_leads_back_to_a_form_of_another_origin(inside, gate, foreign):
    inside.context.clear_cookies()
    inside.goto(f"{foreign}/there")
    post(inside, f"{gate}/transfer", [["a", "b"]])
    inside.wait_for_selector("body[data-state=done]")
    inside.click("#back")
    arrives(inside, "GET /there")
    # The pass is there now: what its reader sends again arrives.
    post(inside, f"{gate}/transfer", [["a", "b"]])
    inside.wait_for_selector("#at, body[data-state]")


@pytest.mark.parametrize(
    "fields, options, words",
    [
        ([["a", "b"]], {"enctype": "multipart/form-data"}, "files or other data"),
        ([["a", "b"]], {"enctype": "text/plain"}, "files or other data"),
        ([["a", "x" * 65_536]], {}, "too large"),
    ],
    ids=["files", "text", "large"],
)
def test_what_cannot_be_kept_is_lost_and_the_page_says_why(inside, fields, options, words):
    inside.context.clear_cookies()
    post(inside, "/form", fields, **options)
    inside.wait_for_selector("body[data-state=done]")
    assert words in inside.inner_text("#lost")
    assert inside.is_visible("#back") and inside.is_visible("#onward")


def test_the_largest_form_is_sent(inside):
    inside.context.clear_cookies()
    value = "x" * (65_536 - len("a="))
    post(inside, "/form", [["a", value]])
    arrives(inside, "POST /form")
    assert sent(inside) == f"a={value}"


def test_a_form_goes_on_when_another_tab_has_passed(page, stub):
    gate = stub(difficulty=40_000)
    page.goto(f"{gate.url}/x")
    arrives(page, "GET /x")
    page.context.clear_cookies()
    # This one would never be solved.
    gate.gateway.settings.difficulty = 10**15
    post(page, "/form", [["a", "b"]])
    page.wait_for_selector("body[data-state=solving]")
    gate.gateway.settings.difficulty = 40_000
    other = page.context.new_page()
    other.goto(f"{gate.url}/y")
    arrives(other, "GET /y")
    arrives(page, "POST /form")
    assert sent(page) == "a=b"
