"""Tollgate is killed, hangs, and comes back: what is shipped refuses meanwhile, the marked lines let everything pass."""

import time

import pytest
from stack import Stack

pytestmark = pytest.mark.shows("down, fail-{variant}")
VARIANTS = ["closed", "open"]


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request):
    return request.param


@pytest.fixture(scope="module")
def stack_of_variant(proxy, variant, tmp_path_factory):
    stack = Stack(proxy, tmp_path_factory.mktemp(f"{proxy.name}-{variant}"), fail_open=variant == "open")
    yield stack
    stack.stop()


@pytest.fixture
def fallible(stack_of_variant):
    """The stack, with Tollgate asked and answering."""
    stack = stack_of_variant
    stack.relay.silent = False
    if stack.tollgate.process.poll() is not None:
        stack.start_tollgate()
    # A proxy that has found it down may take a moment to find it up.
    stack.front.wait_until(lambda: ask(stack, "/paid/asked").status == 401)
    return stack


def ask(fallible, path, **request):
    """What a client that nobody has met before is answered."""
    with fallible.client() as client:
        return client.request(request.pop("method", "GET"), path, **request)


def assert_by_variant(fallible, variant, paths):
    for path in paths:
        answer = ask(fallible, path)
        if variant == "open":
            assert (answer.status, answer.json()["target"]) == (200, path)
        else:
            assert answer.status in fallible.proxy.closed_statuses
            assert fallible.site.saw(path) == []


def test_while_it_runs_both_variants_ask_it(fallible, variant):
    assert ask(fallible, "/open/x").status == 200
    assert ask(fallible, "/paid/x").status == 401
    assert ask(fallible, "/banned/x").status == 403
    assert ask(fallible, "/.well-known/tollgate/check", headers=[("X-Forwarded-Uri", "/open/x")]).status == 404
    headers = [("X-Original-URI", "/open/x"), ("X-Forwarded-Uri", "/open/x"), ("X-Forwarded-Method", "OPTIONS")]
    assert ask(fallible, "/paid/x", headers=headers).status == 401
    with fallible.client() as client:
        assert [client.get("/counted/x").status for _ in range(4)] == [200, 200, 200, 429]
        assert client.get("/paid/x", [("PoW-Pass", fallible.passes(client))]).status == 200


def test_when_it_is_killed(fallible, variant):
    fallible.tollgate.kill()
    # Requests that Tollgate would refuse, admit and count.
    assert_by_variant(fallible, variant, ("/paid/killed", "/open/killed", "/counted/killed"))
    body = b"sent while it is down"
    answer = ask(fallible, "/paid/posted", method="POST", body=body)
    if variant == "open":
        assert answer.json()["length"] == len(body)
    else:
        assert answer.status in fallible.proxy.closed_statuses
    # Also then the site sees nothing of ours, and its own cookies.
    if variant == "open":
        answer = ask(
            fallible,
            "/paid/seen",
            headers=[("PoW-Pass", "x"), ("Cookie", "a=1; tollgate_paid=x; b=2"), ("X-Real-IP", "203.0.113.66")],
        )
        seen = [(name.lower(), value) for name, value in answer.json()["headers"]]
        assert not any(name == "pow-pass" or "203.0.113.66" in value for name, value in seen)
        cookies = [value for name, value in seen if name == "cookie"]
        if fallible.proxy.strips_cookies_open:
            assert cookies == ["a=1; b=2"]
        else:
            assert "a=1" in cookies[0] and "b=2" in cookies[0]
    # The endpoints are Tollgate's own: nobody answers for it.
    assert ask(fallible, "/.well-known/tollgate/challenge").status >= 500


def test_when_it_comes_back(fallible, variant):
    fallible.tollgate.kill()
    assert ask(fallible, "/paid/gone").status in (*fallible.proxy.closed_statuses, 200)
    fallible.start_tollgate()
    fallible.front.wait_until(lambda: ask(fallible, "/paid/back").status == 401)
    assert ask(fallible, "/open/back").status == 200


def test_when_it_hangs(fallible, variant):
    fallible.relay.silent = True
    started = time.monotonic()
    assert_by_variant(fallible, variant, ("/paid/hanging",))
    # It waits two seconds and not for ever.
    assert time.monotonic() - started < 30


def test_when_the_site_is_down_that_is_no_refusal_and_no_reason_to_let_anything_pass(fallible, variant):
    fallible.site.stop()
    answer = ask(fallible, "/open/x")
    assert answer.status in (502, 503) and b"gateway that protects" not in answer.body
    assert ask(fallible, "/paid/x").status == 401
