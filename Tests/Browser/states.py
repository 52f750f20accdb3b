"""The states in which the page can be seen, each brought about: for looking at it, by tests and by screenshots.py."""

import pages
from stub_gateway import Answer

# Nobody solves this while somebody looks at the page.
HARD = 10**15
# The page when the first figures are there. (The page's policy forbids what wait_for_function does.)
WORKING = "body[data-hashes]:not([data-hashes='0'])"
POST = """() => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = "/form";
    form.enctype = "multipart/form-data";
    document.body.append(form);
    form.submit();
}"""


def solving(page, stub, **settings):
    gate = stub(difficulty=HARD, **settings)
    page.goto(f"{gate.url}/x")
    page.wait_for_selector(WORKING)


def waiting(page, stub, **settings):
    gate = stub(redeem=[Answer(429, "over-limit", {"Retry-After": "100"})], **settings)
    page.goto(f"{gate.url}/x")
    page.wait_for_selector("body[data-state=waiting]")


def failed(page, stub, **settings):
    gate = stub(**settings)
    page.add_init_script("Object.defineProperty(navigator, 'cookieEnabled', { get: () => false })")
    page.goto(f"{gate.url}/x")
    page.wait_for_selector("body[data-state=failed]")


def refused(page, stub, **settings):
    gate = stub(redeem=[Answer(429, "over-limit", {"Retry-After": "3600"}, {"detail": "The ceiling is reached."})], **settings)
    page.goto(f"{gate.url}/x")
    page.wait_for_selector("body[data-state=failed]")


def lost(page, stub, **settings):
    gate = stub(**settings)
    page.goto(f"{gate.url}/x")
    page.wait_for_selector("#at")
    page.context.clear_cookies()
    page.evaluate(POST)
    page.wait_for_selector("body[data-state=done]")


def explained(page, stub, **settings):
    solving(page, stub, **settings)
    page.click("summary")


def by_hand(page, stub, **settings):
    """What a browser without scripts shows; scripts run here all the same, to look at it by."""
    gate = stub(missing={"page.js", "boot.js"}, **settings)
    page.goto(f"{gate.url}/x")
    page.evaluate("document.head.append(document.createElement('link'))")
    page.eval_on_selector(
        "head link:last-child",
        "(link, href) => new Promise((done) => Object.assign(link, { onload: done, rel: 'stylesheet', href }))",
        f"{pages.FILES}manual.css",
    )


def by_hand_with_form(page, stub, **settings):
    gate = stub(missing={"page.js", "boot.js"}, free=1, **settings)
    page.goto(f"{gate.url}/x")
    page.evaluate(POST.replace('form.enctype = "multipart/form-data";', ""))
    page.wait_for_selector("button[form=replay]", state="attached")
    page.evaluate("document.body.classList.add('by-hand'); document.getElementById('work').hidden = true")


def unable(page, stub, **settings):
    gate = stub(missing={"page.js"}, **settings)
    page.add_init_script("delete HTMLScriptElement.prototype.noModule")
    page.goto(f"{gate.url}/x")
    page.wait_for_selector("body[data-state=failed][data-reason=browser]")


def message(page, stub, **settings):
    gate = stub(**settings)
    page.goto(f"{gate.url}/message/over-limit?600")


def problem(page, stub, **settings):
    gate = stub(**settings)
    page.goto(f"{gate.url}/message/malformed")


ALL = [
    solving, explained, waiting, failed, refused, lost, by_hand, by_hand_with_form, unable, message, problem,
]  # fmt: skip
