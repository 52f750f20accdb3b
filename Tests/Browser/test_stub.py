"""The stub shows what the gateway shows: the same pages, byte by byte, but for what differs from one to the next."""

import http.client
import json
import os
import re
import urllib.parse

import pytest

import pages
from conftest import real_gateway

pytestmark = pytest.mark.skipif("TOLLGATE_BINARY" not in os.environ, reason="there is only the stub")

BROWSER = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
FIELDS = [("a", "\"'<>&\r\n{{text}}"), ("_charset_", "\nx"), ("日本", "語")]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with real_gateway(tmp_path_factory.mktemp("real"), "free: [ { rate: 0 } ], page: { contact: \"<c> & d\" }") as url:
        yield url


def ask(url: str, method: str, path: str, language: str, body: bytes | None = None, headers: dict | None = None):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)
    connection.request(method, path, body, {**BROWSER, "Accept-Language": language, **(headers or {})})
    response = connection.getresponse()
    page = response.read().decode()
    connection.close()
    return response, page


def plain(page: str) -> str:
    """Without what no two pages share."""
    page = re.sub(r"page/[0-9a-f]{1,16}/", f"page/{pages.VERSION}/", page)
    page = re.sub(r'(?<=<code dir="ltr" translate="no">)[0-9A-Za-z_-]+(?=</code>)', "ID", page)
    token = re.search(r'name="challenge" value="([^"]+)"', page)
    return page.replace(token.group(1), "TOKEN") if token else page


def challenge_in(page: str) -> dict:
    return json.loads(re.search(r'id="challenge">(.*?)</script>', page, re.DOTALL).group(1))


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_the_challenge_page_is_the_same(real, language):
    _, page = ask(real, "GET", "/a/b?c=%22&d", language)
    expected = pages.challenge_page(
        language, challenge_in(page), contact="<c> & d", request_id="ID", policy="site", return_path="/a/b?c=%22&d"
    )
    assert plain(page) == plain(expected)


def test_the_page_with_a_form_is_the_same(real):
    response, page = ask(real, "POST", "/f", "de", urllib.parse.urlencode(FIELDS).encode(), FORM)
    expected = pages.challenge_page(
        "de", challenge_in(page), form=FIELDS, contact="<c> & d", request_id="ID", policy="site", return_path="/f"
    )
    assert plain(page) == plain(expected)
    assert "form-action" not in response.getheader("Content-Security-Policy")


@pytest.mark.parametrize(
    "lost, headers",
    [
        ("other_origin", {**FORM, "Sec-Fetch-Site": "cross-site"}),
        ("other_type", {**FORM, "Content-Type": "multipart/form-data; boundary=x"}),
    ],
)
def test_the_page_of_a_lost_form_is_the_same(real, lost, headers):
    _, page = ask(real, "POST", "/f", "fr", b"a=b", headers)
    expected = pages.challenge_page(
        "fr", challenge_in(page), lost=lost, contact="<c> & d", request_id="ID", policy="site", return_path="/f"
    )
    assert plain(page) == plain(expected)


def test_a_message_is_the_same(real):
    _, page = ask(real, "GET", "/denied", "ja")
    assert plain(page) == plain(pages.message_page("ja", "denied", 403, request_id="ID"))


def test_the_fields_are_the_same(real, stub):
    mine, _ = ask(stub().url, "GET", "/x", "en")
    theirs, _ = ask(real, "GET", "/x", "en")
    for name in (
        "Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Vary", "Cache-Control",
        "Referrer-Policy", "Cross-Origin-Resource-Policy",
    ):  # fmt: skip
        assert mine.getheader(name) == theirs.getheader(name), name
