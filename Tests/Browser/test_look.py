"""How the page looks and reads: small screens, all languages, light and dark, screen readers, no JavaScript."""

import json
import pathlib

import axe_playwright_python
import pytest

import pages
import states
from states import HARD, WORKING

AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
LONG_CONTACT = "Write to a-rather-long-mailbox-name@a-rather-long-host-name.example.com for help."
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


def examine(page, *rules: str):
    """Everything that axe knows of, or some rules: WCAG up to 2.2, and what it calls best practices. And nothing scrolls
    sideways."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    results = page.evaluate("(options) => axe.run(options)", options)
    found = [(each["id"], each["help"], [node["html"] for node in each["nodes"]]) for each in results["violations"]]
    assert found == [], json.dumps(found, indent=1, ensure_ascii=False)
    assert len(results["passes"]) >= (1 if rules else 10)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.fixture(scope="module")
def readers(browser):
    """A profile for each language, for tests that leave nothing in it but cookies."""
    contexts = {}

    def page(language: str):
        if language not in contexts:
            options = {"locale": language, "viewport": {"width": 320, "height": 640}, "reduced_motion": "reduce"}
            contexts[language] = browser.new_context(**options)
        contexts[language].clear_cookies()
        return contexts[language].new_page()

    yield page
    for context in contexts.values():
        context.close()


@pytest.mark.parametrize("language", pages.LANGUAGES)
@pytest.mark.parametrize("state", states.ALL, ids=lambda state: state.__name__)
def test_axe_finds_nothing(readers, stub, state, language):
    page = readers(language)
    state(page, stub, contact=LONG_CONTACT, logo=True)
    assert page.get_attribute("html", "lang") == {"zh": "zh-Hans"}.get(language, language)
    examine(page)
    page.emulate_media(color_scheme="dark")
    examine(page, "color-contrast")
    page.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_long_words_of_the_operator_fit(open_page, stub, width):
    page = open_page(viewport={"width": width, "height": 600})
    states.explained(page, stub, title=LONG_WORD, text=LONG_WORD, contact=LONG_CONTACT, logo=True)
    examine(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_reader(open_page, stub, scheme):
    page = open_page(color_scheme=scheme)
    states.solving(page, stub)
    paper = luminance(page, "main", "backgroundColor")
    assert (paper < 0.1) == (scheme == "dark")
    # WCAG 2.2, 1.4.11: 3 to 1 for what carries meaning besides text, which axe looks at.
    assert contrast(luminance(page, "#bar", "backgroundColor"), luminance(page, "#fill", "backgroundColor")) >= 3


def test_forced_colours_leave_the_bar_visible(open_page, stub):
    page = open_page(forced_colors="active")
    states.solving(page, stub)
    assert page.eval_on_selector("#bar", "each => getComputedStyle(each).borderTopStyle") == "solid"
    colour = "each => getComputedStyle(each).backgroundColor"
    assert page.eval_on_selector("#fill", colour) != page.eval_on_selector("#bar", colour)


def test_who_wants_no_motion_gets_none(open_page, stub):
    page = open_page(reduced_motion="reduce")
    states.solving(page, stub)
    assert page.eval_on_selector("#fill", "each => getComputedStyle(each).transitionDuration") in ("0s", "")


def test_progress_is_told_to_everyone(page, stub):
    gate = stub(difficulty=30_000_000, rounds=64)
    page.goto(gate.url)
    bar = page.get_by_role("progressbar")
    page.wait_for_selector(WORKING + "".join(f":not([data-rounds-done='{k}'])" for k in range(3)))
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
    assert told["text"] == f"{told['now']} of 64" and told["figures"].startswith(told["text"])
    assert "second" in told["figures"]
    assert told["shift"] == f"scaleX({told['now'] / 64:g})"
    assert int(told["rate"]) > 0 and int(told["hashes"]) > 0
    assert page.get_by_role("status").count() == 1
    page.wait_for_selector("#at")


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_counts_are_told_as_the_language_has_them(open_page, stub, language):
    page = open_page(locale=language)
    states.solving(page, stub)
    script = """async ([url, seconds]) => {
        const { duration } = await import(`${url}words.js`);
        return seconds.map(duration);
    }"""
    seconds = [1, 2, 3, 10, 11, 99, 119, 120, 7_199, 7_200, 172_799, 172_800]
    told = page.evaluate(script, [pages.FILES, seconds])
    assert told == [pages.duration(language, each) for each in seconds]
    assert page.evaluate(script, [pages.FILES, [0, 0.2, 1.2]]) == [pages.duration(language, each) for each in (1, 1, 2)]


def test_nothing_jumps_when_the_scripts_begin(page, stub):
    gate = stub(difficulty=HARD)
    place = "() => document.querySelector('details').getBoundingClientRect().top"
    held = []
    page.route("**/page.js", lambda route: held.append(route))
    page.goto(gate.url, wait_until="commit")
    page.wait_for_selector("details")
    page.wait_for_timeout(300)
    before = page.evaluate(place)
    assert page.get_attribute("body", "data-state") == "starting"
    held[0].continue_()
    page.wait_for_selector(WORKING)
    assert page.evaluate(place) == before


def test_everything_is_reached_by_keyboard(page, stub):
    states.failed(page, stub)
    names = []
    for _ in range(3):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert names[:2] == ["again", "SUMMARY"]
    page.keyboard.press("Shift+Tab")
    page.focus("#again")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-state=solving], body[data-state=redeeming], body[data-state=failed]")


def test_without_javascript_the_page_tells_another_way(open_page, stub):
    gate = stub()
    page = open_page(java_script_enabled=False, viewport={"width": 320, "height": 900})
    page.goto(f"{gate.url}/x")
    text = page.inner_text("main")
    for part in ("Scripts do not run", "tollgate solve <<'END'", "01J9Z3V7Q4", "help@example.com", "expires in 5 minutes"):
        assert part in text
    assert page.is_hidden("#work") and page.is_hidden("#outcome")
    assert page.locator("html").bounding_box()["width"] <= 320
    page.click("summary")
    assert "tollgate fetch URL" in page.inner_text("details")


def test_what_the_operator_writes_is_text(page, stub):
    gate = stub(difficulty=HARD, title="<b>{{text}}</b>", text="\"'><script>x</script>", contact="")
    page.goto(gate.url)
    page.wait_for_selector("body[data-state=solving]")
    assert page.inner_text("h1") == "<b>{{text}}</b>" == page.title()
    assert page.inner_text(".text") == "\"'><script>x</script>"
    assert page.locator(".contact").count() == 0


def test_the_page_is_light(page, stub):
    sizes = {}
    page.on("response", lambda response: sizes.update({response.url.rpartition("/")[2]: len(response.body())}))
    gate = stub(difficulty=HARD)
    page.goto(f"{gate.url}/x")
    page.wait_for_selector(WORKING)
    assert sum(sizes.values()) < 80_000, sizes


def luminance(page, selector: str, name: str) -> float:
    """WCAG's relative luminance of a computed colour."""
    style = page.eval_on_selector(selector, f"each => getComputedStyle(each).{name}")
    channels = [int(part) / 255 for part in style.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    lighter, darker = max(one, other), min(one, other)
    return (lighter + 0.05) / (darker + 0.05)
