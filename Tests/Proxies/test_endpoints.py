"""What is published of Tollgate, and what is not: `check` and `refusal` are between the proxy and Tollgate."""

import re

import protocol
import pytest
from client import Client

pytestmark = pytest.mark.shows("endpoints")

# Whoever reaches `check` with these would be told that anything passes.
DESCRIBING = [
    ("X-Original-Method", "GET"),
    ("X-Original-URI", "/open/x"),
    ("X-Forwarded-Method", "GET"),
    ("X-Forwarded-Uri", "/open/x"),
    ("X-Forwarded-Host", "127.0.0.1"),
    ("X-Forwarded-For", "198.51.100.7"),
    ("X-Real-IP", "198.51.100.7"),
]
SPELLINGS = [
    "{}",
    "{}/",
    "{}?x=1",
    "{}/open/x",
    "{}//open/x",
    "{}/../check/open/x",
    "{};x",
    "{}%3Fx",
    "{}%00",
    "{}%20",
    "{}.",
]
PATHS = [
    "/.well-known/tollgate/check",
    "/.well-known/tollgate/refusal",
    "/.well-known/tollgate/%63heck",
    "/.well-known/tollgate/chec%6B",
    "/.well-known/tollgate/CHECK",
    "/.WELL-KNOWN/TOLLGATE/check",
    "/.well-known/tollgat%65/check",
    "/%2ewell-known/tollgate/check",
    "/.well-known%2Ftollgate%2Fcheck",
    "/.well-known/tollgate%2Fcheck",
    "/.well-known/tollgate%2fcheck",
    "/.well-known/tollgate%5Ccheck",
    "//.well-known/tollgate/check",
    "///.well-known/tollgate/check",
    "/.well-known//tollgate/check",
    "/.well-known/tollgate//check",
    "/.well-known/./tollgate/./check",
    "/./.well-known/tollgate/check",
    "/x/../.well-known/tollgate/check",
    "/open/../.well-known/tollgate/check",
    "/open/%2e%2e/.well-known/tollgate/check",
    "/open/..%2F.well-known/tollgate/check",
    "/.well-known/tollgate/page/../check",
    "/.well-known/tollgate/page/%2e%2e/check",
    "/.well-known/tollgate/page/..%2Fcheck",
    "/.well-known/tollgate/page/x/../../check",
    "/.well-known/tollgate/page/x/%2e%2e/%2e%2e/check",
    "/.well-known/tollgate/page/x%2F..%2F../check",
    "/.well-known/tollgate/challenge/../check",
    "/.well-known/tollgate/redeem/..;/check",
    "/.well-known/tollgate/%2563heck",
]


def test_check_and_refusal_cannot_be_reached_in_any_spelling(stack):
    reached = []
    targets = [path for path in PATHS] + [each.format(path) for path in PATHS[:2] for each in SPELLINGS]
    targets += [f"http://127.0.0.1{path}" for path in PATHS[:2]]
    for target in targets:
        for method in ("GET", "POST"):
            with stack.client() as client:
                body = b"" if method == "POST" else None
                answer = client.request(method, target, DESCRIBING, body)
            # A spelling that names a place of the site may be asked about like any other: none of these has a route.
            if answer.status not in (400, 404, 301, 307, 308):
                reached.append((method, target, answer.status))
    assert reached == []


def test_the_site_sees_nothing_of_these_paths(stack):
    assert [each["target"] for each in stack.site.saw("tollgate")] == []


def test_what_clients_need_is_published(stack, client):
    assert client.get(f"{protocol.CHALLENGE}?policy=counted").json()["algorithm"] == "SHA-256"
    assert client.get(f"{protocol.CHALLENGE}?policy=nosuch").status == 404
    page = client.get("/paid/x", [("Accept", "text/html")]).body.decode()
    files = re.findall(rf'(?:href|src)="({protocol.BASE}page/[^"]+)"', page)
    assert {path.rpartition(".")[2] for path in files} >= {"css", "js", "svg"}
    for path in files:
        assert client.get(path).status == 200, path
    assert client.get(f"{protocol.BASE}page/nosuch.js").status == 404
    assert client.post(protocol.REDEEM, b"{}", [("Content-Type", "application/json")]).status == 400
    assert client.get(protocol.REDEEM).status == 405


def test_endpoints_are_not_charged(stack, client):
    for _ in range(10):
        assert client.get(f"{protocol.CHALLENGE}?policy=counted").status == 200
    assert [client.get("/counted/x").status for _ in range(4)] == [200, 200, 200, 429]


def test_a_script_of_a_listed_origin_may_ask_the_endpoints(stack, client):
    asked = [
        ("Origin", "https://app.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ]
    answer = client.request("OPTIONS", protocol.REDEEM, asked)
    assert answer.status == 204
    assert answer.header("Access-Control-Allow-Origin") == "https://app.example"
    refusal = client.get("/paid/x", asked[:1])
    assert refusal.header("Access-Control-Allow-Origin") == "https://app.example"


def test_tollgate_itself_answers_nobody_but_the_proxy(stack):
    # The port is the operator's to guard; what is not on its host is not believed. Loopback is its host here.
    with Client(("127.0.0.1", stack.ports.tollgate)) as client:
        assert client.get("/open/x").status == 404
