"""How the page looks and reads: small screens, dark ones, screen readers, no JavaScript.

Screenshots go to the folder in TOLLGATE_SCREENSHOTS, else to the test's own; look at them after a change of the page.
"""

import os
import pathlib

import pytest

# Nobody solves this while a test looks at the page.
HARD = 10**15
# The page when the first figures are there. (The page's policy forbids what wait_for_function does.)
WORKING = "body[data-hashes]:not([data-hashes='0'])"


@pytest.fixture
def shots(tmp_path):
    folder = pathlib.Path(os.environ.get("TOLLGATE_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("width, height", [(320, 568), (390, 844), (1280, 800)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_scrolls_sideways(page, stub, shots, width, height, scheme):
    gate = stub(difficulty=HARD, contact="Write to a-rather-long-mailbox-name@a-rather-long-host-name.example.com for help.")
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    page.goto(gate.url)
    page.wait_for_selector("body[data-state=solving]")
    page.wait_for_selector(WORKING)
    page.screenshot(path=shots / f"solving-{width}-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("summary")
    page.screenshot(path=shots / f"details-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_schemes(page, stub, scheme):
    gate = stub(difficulty=HARD)
    page.emulate_media(color_scheme=scheme)
    page.goto(gate.url)
    page.wait_for_selector(WORKING)
    paper = luminance(page, "main", "backgroundColor")
    assert (paper < 0.1) == (scheme == "dark")
    # WCAG 2.2, 1.4.3: 4.5 to 1 for text; 1.4.11: 3 to 1 for what else carries meaning.
    for selector in ("h1", ".text", "#status", "#figures", "summary", "footer"):
        assert contrast(paper, luminance(page, selector, "color")) >= 4.5, selector
    assert contrast(luminance(page, "#bar", "backgroundColor"), luminance(page, "#fill", "backgroundColor")) >= 3


def test_a_failure_in_dark_on_a_phone(page, stub, shots):
    gate = stub(set_cookie=False)
    page.set_viewport_size({"width": 320, "height": 568})
    page.emulate_media(color_scheme="dark")
    page.goto(gate.url)
    page.wait_for_selector("body[data-state=failed]")
    page.screenshot(path=shots / "failed-320-dark.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert contrast(luminance(page, "#reason", "backgroundColor"), luminance(page, "#reason", "color")) >= 4.5
    assert contrast(luminance(page, "#again", "backgroundColor"), luminance(page, "#again", "color")) >= 4.5
    assert page.get_attribute("#reason", "role") == "alert"


def test_progress_is_told_to_everyone(page, stub, shots):
    gate = stub(difficulty=30_000_000, rounds=64)
    page.goto(gate.url)
    bar = page.get_by_role("progressbar")
    page.wait_for_selector(WORKING + "".join(f":not([data-rounds-done='{k}'])" for k in range(3)))
    page.screenshot(path=shots / "progress.png")
    told = page.evaluate(
        """() => {
            const bar = document.getElementById("bar");
            const fill = document.getElementById("fill");
            return { now: Number(bar.ariaValueNow), max: Number(bar.ariaValueMax), text: bar.ariaValueText,
                     figures: document.getElementById("figures").textContent, ...document.body.dataset,
                     shift: fill.style.transform };
        }"""
    )
    assert bar.count() == 1
    assert told["max"] == 64 and 2 < told["now"] <= 64
    assert told["text"] == f"{told['now']} of 64 rounds" and told["figures"].startswith(told["text"])
    assert "a second" in told["figures"]
    assert told["shift"] == f"translateX({told['now'] / 64 * 100 - 100:g}%)"
    assert int(told["rate"]) > 0 and int(told["hashes"]) > 0
    assert page.get_attribute("#status", "aria-live") == "polite"
    assert page.get_by_role("status").count() == 1
    page.wait_for_selector("#at")


def test_without_javascript_the_page_tells_another_way(browser, stub, shots):
    gate = stub()
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 900})
    page = context.new_page()
    page.goto(f"{gate.url}/x")
    text = page.inner_text("main")
    for part in ("tollgate fetch URL", "tollgate solve", "challenge?policy=site", "01J9Z3V7Q4", "help@example.com"):
        assert part in text
    assert page.is_hidden("#work") and page.is_hidden("#outcome")
    page.screenshot(path=shots / "noscript-320.png", full_page=True)
    assert page.locator("html").bounding_box()["width"] <= 320
    context.close()


def test_what_the_operator_writes_is_text(page, stub):
    gate = stub(difficulty=HARD, title="<b>{{text}}</b>", text="\"'><script>x</script>", contact="")
    page.goto(gate.url)
    page.wait_for_selector("body[data-state=solving]")
    assert page.inner_text("h1") == "<b>{{text}}</b>" == page.title()
    assert page.inner_text(".text") == "\"'><script>x</script>"
    assert page.is_hidden(".contact")


def luminance(page, selector: str, name: str) -> float:
    """WCAG's relative luminance of a computed colour."""
    style = page.eval_on_selector(selector, f"each => getComputedStyle(each).{name}")
    channels = [int(part) / 255 for part in style.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    lighter, darker = max(one, other), min(one, other)
    return (lighter + 0.05) / (darker + 0.05)
