"""What is admitted arrives as it was sent, and what the site answers comes back as it was answered."""

import base64
import hashlib
import json
import os
import socket

import pytest
from recording_site import websocket_accept

pytestmark = pytest.mark.shows("traffic")


def test_a_body_arrives_whole_and_tollgate_sees_none_of_it(stack, client):
    token = stack.passes(client)
    mark = os.urandom(16).hex().encode()
    body = mark + os.urandom(1 << 20)
    answer = client.post("/paid/body", body, [("PoW-Pass", token), ("Content-Type", "application/x-www-form-urlencoded")])
    assert answer.status == 200
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()
    assert not stack.relay.heard(mark)


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_a_body_where_few_expect_one_arrives_and_is_no_second_request(stack, client, method):
    body = b"GET /open/smuggled-by-a-body HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = client.request(method, "/open/odd", (), body)
    assert (answer.status, answer.json()["length"]) == (200, len(body))
    assert client.request(method, "/paid/odd", (), body).status == 401
    assert client.get("/open/next").status == 200
    assert stack.site.saw("smuggled-by") == []


def test_a_chunked_body_arrives_whole(stack, client):
    parts = [os.urandom(size) for size in (1, 70_000, 3)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    answer = client.request("PUT", "/open/chunks", [("Transfer-Encoding", "chunked")], body)
    assert answer.status == 200
    assert answer.json()["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()


def test_a_large_upload_passes(stack, client):
    body = os.urandom(1 << 20) * 20
    answer = client.post("/open/large", body, [("Content-Type", "application/octet-stream")])
    assert answer.status == 200
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_large_upload_that_is_refused_gets_its_refusal(stack, client):
    body = bytes(20 << 20)
    for kind in ("application/octet-stream", "application/x-www-form-urlencoded"):
        with stack.client() as client:
            client.send(client.head("POST", "/paid/large", [("Content-Type", kind), ("Content-Length", str(len(body)))]))
            client.send(body)
            assert client.read_response("POST").status == 401
    assert stack.site.saw("/paid/large") == []


def test_after_a_refused_body_the_next_request_is_understood(stack, client):
    # A body that nobody has read must not be taken for a request.
    smuggled = b"GET /open/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    assert client.post("/paid/x", smuggled).status == 401
    assert client.get("/open/next").json()["target"] == "/open/next"
    assert stack.site.saw("smuggled") == []


def test_a_client_that_waits_for_100_continue_is_served(stack, client):
    head = client.head("POST", "/open/expecting", [("Expect", "100-continue"), ("Content-Length", "5")])
    client.send(head)
    client.socket.settimeout(30)
    # Some proxies answer at once, others when the site does; both without having seen the body.
    client.send(b"hello")
    answer = client.read_response("POST")
    assert answer.status == 200 and answer.json()["length"] == 5


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?a=%2F..%2f&b=a+b%20c&c=//x/./y/../z",
        "?d=%E2%82%AC&e=~!$'()*,;:@/?&f&&=g",
        "?%00&%ff&%25&%zz&%",
        "?u=http://h/p?q",
        '?a[]=1&b={x}|^`"<>',
    ],
)
def test_queries_arrive_unchanged(stack, client, query):
    answer = client.get(f"/open/query{query}")
    if answer.status == 400:
        # Characters that no URI has may be refused by the proxy.
        assert any(each in query for each in '{|^`"<%')
        return
    assert answer.status == 200
    target = answer.json()["target"]
    # An empty query may be left out.
    assert target == f"/open/query{query}" or query == "?" and target == "/open/query" or not stack.proxy.keeps_semicolons
    if not stack.proxy.keeps_semicolons:
        assert target.replace("&", ";") == f"/open/query{query}".replace("&", ";")


def test_an_encoded_slash_arrives_as_it_is(stack, client):
    assert client.get("/open/group%2Fproject").json()["target"] == "/open/group%2Fproject"
    # Where its two readings lie under different routes it is refused.
    assert client.get("/open/..%2Fpaid/x").status in (400, 401, 403)


@pytest.mark.parametrize(
    "path", ["/paid/../open/x", "/open/../paid/x", "/open/%2e%2e/paid/x", "//paid/x", "/./paid/x", "/paid//x", "/%70aid/x"]
)
def test_no_spelling_of_a_path_is_asked_about_as_one_and_served_as_another(stack, client, path):
    answer = client.get(path)
    if path == "/paid/../open/x":
        assert answer.status in (200, 301, 307, 308, 400)
    else:
        assert answer.status in (401, 301, 307, 308, 400), answer


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 429, 500, 502, 503, 504])
def test_the_sites_own_statuses_are_its_own(stack, client, status):
    answer = client.request("HEAD", f"/open/status/{status}")
    assert answer.status == status
    assert answer.all("PoW-Challenge") == []


def test_the_sites_own_refusal_keeps_its_body(stack, client):
    for status in (401, 403, 500, 502):
        answer = client.get(f"/open/status/{status}")
        assert (answer.status, answer.json()["target"]) == (status, f"/open/status/{status}")


def test_head_has_the_fields_of_get_and_no_body(stack, client):
    answer = client.request("HEAD", "/open/head")
    assert answer.status == 200 and int(answer.header("Content-Length")) > 0
    refusal = client.request("HEAD", "/paid/head")
    assert refusal.status == 401 and refusal.header("PoW-Challenge")
    # The connection is where it should be.
    assert client.get("/open/x").status == 200


def test_preflights_pass_and_are_not_charged(stack, client):
    asked = [
        ("Origin", "https://app.example"),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "pow-pass"),
    ]
    for _ in range(5):
        answer = client.request("OPTIONS", "/paid/preflight", asked)
        assert answer.status == 200 and answer.json()["method"] == "OPTIONS"
    assert client.get("/paid/x").status == 401


def test_the_client_is_told_its_limits_and_the_requests_id(stack, client):
    answer = client.get("/counted/told")
    seen = {name.lower(): value for name, value in answer.json()["headers"]}
    identifier = seen["x-request-id"]
    assert len(identifier) >= 16
    if not stack.proxy.tells_client:
        assert answer.all("RateLimit") == []
        assert answer.header("X-Request-Id") == "of-the-site"
        return
    assert answer.header("X-Request-Id") == identifier
    assert '"free";r=2' in answer.header("RateLimit")
    assert '"free"' in answer.header("RateLimit-Policy")


def test_a_request_has_one_id_and_no_two_share_it(stack, client):
    ids = [{n.lower(): v for n, v in client.get("/open/id").json()["headers"]}["x-request-id"] for _ in range(5)]
    refusals = [client.get("/paid/id").header("X-Request-Id") for _ in range(5)]
    assert len({*ids, *refusals}) == 10


def handshake(client, path, headers=()):
    key = base64.b64encode(os.urandom(16)).decode()
    fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)]
    client.send(client.head("GET", path, [*fields, *headers]))
    return key, client.read_head()


def test_a_websocket_is_opened_and_carries_both_ways(stack, client):
    cookie = ("Cookie", f"tollgate_paid={stack.passes(client)}; session=mine")
    with stack.client(client.socket.getsockname()[0]) as socket_client:
        key, answer = handshake(socket_client, "/paid/socket", [cookie])
        assert answer.status == 101
        assert answer.header("Sec-WebSocket-Accept") == websocket_accept(key)
        for word in (b"hello", b"again"):
            mask = os.urandom(4)
            socket_client.send(bytes([0x81, 0x80 | len(word)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(word)))
            assert socket_client._take(2 + len(word)) == bytes([0x81, len(word)]) + word
    seen = stack.site.saw("/paid/socket")[-1]
    assert [v for n, v in seen["headers"] if n.lower() == "cookie"] == ["session=mine"]


def test_a_websocket_without_a_pass_is_refused(stack, client):
    _, answer = handshake(client, "/paid/refused-socket")
    assert answer.status == 401 and answer.header("PoW-Challenge")
    assert stack.site.saw("refused-socket") == []


def test_an_upgrade_to_something_else_opens_no_way_around(stack, client):
    client.send(
        client.head(
            "GET",
            "/open/h2c",
            [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")],
        )
    )
    answer = client.read_head()
    assert answer.status != 101
    for seen in stack.site.saw("/open/h2c"):
        assert not any(name.lower() == "upgrade" for name, _ in seen["headers"])
