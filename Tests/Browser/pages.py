"""Renders the page's template as the gateway does, from the sources: a second reading of what CPage.h says about it.

`test_stub.py` compares the two.
"""

import html
import json
import pathlib
import re

BASE = "/.well-known/tollgate/"
ASSETS = pathlib.Path(__file__).resolve().parents[2] / "Sources/CPage/assets"
LANGUAGES = ["en", "de", "fr", "es", "pt", "ja", "zh", "zh-Hant", "ar"]
# What stands for the version in the paths of files.
VERSION = "0123456789abcdef"
FILES = f"{BASE}page/{VERSION}/"
FETCH = '<code dir="ltr" translate="no">tollgate fetch URL</code>'


def words(language: str) -> dict[str, str]:
    return json.loads((ASSETS / f"words/{language}.json").read_text())


def language_of(accept: str) -> str:
    """The first language of a field that a browser writes: the best comes first, and ours have one subtag but for one."""
    for item in accept.split(","):
        tag = item.split(";")[0].strip()
        if tag.startswith("zh-") and tag[3:] in ("TW", "HK", "MO", "Hant"):
            return "zh-Hant"
        if tag.split("-")[0] in LANGUAGES:
            return tag.split("-")[0]
    return "en"


def duration(language: str, seconds: int) -> str:
    unit, size = next(
        (unit, size)
        for unit, size, below in (
            ("seconds", 1, 120), ("minutes", 60, 7_200), ("hours", 3_600, 172_800), ("days", 86_400, 2**64),
        )
        if seconds < below
    )  # fmt: skip
    count = -(-seconds // size)
    variants = dict(each.split("=", 1) for each in words(language)[unit].split("|"))
    # Enough for what the tests ask: no whole millions, and no hundreds.
    if language == "ar":
        category = ["zero", "one", "two"][count] if count < 3 else "few" if count <= 10 else "many"
    else:
        category = "one" if count == 1 else "other"
    return variants.get(category, variants["other"]).replace("{n}", str(count))


def escaped(text: str) -> str:
    return html.escape(text).replace("&#x27;", "&#39;").replace("\r", "&#13;").replace("\n", "&#10;")


def in_script(json_text: str) -> str:
    return json_text.replace("<", "\\u003c")


def inputs(fields: list[tuple[str, str]]) -> str:
    def element(name, value):
        if name.lower() == "_charset_":
            return f'<textarea hidden name="{escaped(name)}">\n{escaped(value)}</textarea>'
        return f'<input type="hidden" name="{escaped(name)}" value="{escaped(value)}">'

    return "\n".join(element(*field) for field in fields)


def script_words(language: str) -> str:
    chosen = {
        name: text
        for name, text in sorted(words(language).items())
        if name.startswith("script.") or name.endswith(".text") or name in ("seconds", "minutes", "hours", "days")
    }
    return json.dumps(chosen, ensure_ascii=False)


def render(language: str, values: dict[str, str]) -> str:
    texts = words(language)
    values = {"lang": "zh-Hans" if language == "zh" else language, "dir": "rtl" if language == "ar" else "ltr"} | values

    def sections(template: str) -> str:
        def section(match):
            sign, name, inner = match.groups()
            return sections(inner) if bool(values.get(name)) == (sign == "#") else ""

        return re.sub(r"\{\{([#^])(\w+)\}\}(.*?)\{\{/\2\}\}", section, template, flags=re.DOTALL)

    def word(match):
        return re.sub(r"\{(\w+)\}", r"{{\1}}", escaped(texts[match.group(1)]))

    template = re.sub(r"\{\{words\.([\w.-]+)\}\}", word, sections((ASSETS / "page.html").read_text()))
    # One pass, so that a value that looks like a tag stays what it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values.get(match.group(1), ""), template)


def common(*, contact="", logo="", request_id="", policy="", return_path="/") -> dict[str, str]:
    return {
        "contact": escaped(contact),
        "logo": escaped(logo),
        "request_id": escaped(request_id),
        "policy": escaped(policy),
        "base": BASE,
        "files": FILES,
        "return_path": escaped(return_path),
    }


def challenge_page(language: str, challenge: dict, *, title="", text="", form=None, lost="", **rest) -> str:
    """`form`: the fields of a form that is sent again, or None; `lost`: a reason's name."""
    texts = words(language)
    json_text = json.dumps(challenge)
    values = common(**rest)
    values |= {
        "title": escaped(title or texts["title"]),
        "text": escaped(text or texts["text"]),
        "own_title": "" if title else "1",
        "own_text": "" if text else "1",
        "state": "starting",
        "challenge": in_script(json_text),
        "script_words": in_script(script_words(language)),
        "challenge_text": escaped(json_text),
        "token": escaped(challenge["challenge"]),
        "rounds": str(challenge["rounds"]),
        "expires": escaped(duration(language, challenge["expires_in"])),
        "fetch": FETCH,
        "answer_path": values["return_path"] if form is None else "/",
        "form": "lost" if lost else "none" if form is None else "replay",
        "replay": "" if form is None else "1",
        "fields": inputs(form or []),
        "lost": escaped(texts[f"lost_{lost}"]) if lost else "",
    }
    return render(language, values)


def message_page(language: str, kind: str, status: int, *, wait=None, technical="", retry=False, **rest) -> str:
    texts = words(language)
    values = common(**rest)
    values |= {
        "title": escaped(texts[f"{kind}.title"]),
        "text": escaped(texts[f"{kind}.text"]),
        "state": "message",
        "status": str(status),
        "retry_after": escaped(duration(language, wait)) if wait else "",
        "technical": escaped(technical),
        "retry": "1" if retry else "",
    }
    return render(language, values)
