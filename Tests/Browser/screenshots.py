"""Makes screenshots of the page: every state, in some languages, light and dark, on small and on wide screens.

    run.sh screenshots FOLDER [LANGUAGE…]     by default en, de, ja, zh and ar

They are for eyes: look at them after a change of the page.
"""

import pathlib
import sys

from playwright.sync_api import sync_playwright

import states
from conftest import launch
from stub_gateway import Settings, Stub

WIDTHS = {320: 640, 1280: 800}


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for language in sys.argv[2:] or ["en", "de", "ja", "zh", "ar"]:
            for scheme in ("light", "dark"):
                for width, height in WIDTHS.items():
                    for state in states.ALL:
                        name = f"{state.__name__}-{language}-{scheme}-{width}.png"
                        options = {"locale": language, "color_scheme": scheme, "viewport": {"width": width, "height": height}}
                        shoot(browser, state, options, folder / name)
        browser.close()
    print(f"{len(list(folder.glob('*.png')))} screenshots in {folder}")


def shoot(browser, state, options: dict, file: pathlib.Path):
    running = []

    def stub(**settings):
        running.append(Stub(Settings(**settings)))
        return running[-1]

    context = browser.new_context(**options)
    try:
        page = context.new_page()
        state(page, stub, logo="explained" in file.name or "message" in file.name)
        page.screenshot(path=file, full_page=True)
    finally:
        context.close()
        for each in running:
            each.close()


if __name__ == "__main__":
    main()
