"""What a client writes of itself gains nothing: no other route, no other client, no free admission, nothing at the site."""

import itertools

import pytest

from proxies import PROXIES

pytestmark = pytest.mark.shows("forged")

ADDRESS = "203.0.113.66"
WORD = "forged.example"
# Every name of every family, and those that some proxy, CDN or framework believes.
NAMES = {
    "X-Original-Method": "OPTIONS",
    "X-Original-URI": "/open/forged",
    "X-Original-Url": "/open/forged",
    "X-Original-Host": "inner.example",
    "X-Rewrite-URL": "/open/forged",
    "X-Forwarded-Method": "OPTIONS",
    "X-Forwarded-Uri": "/open/forged",
    "X-Forwarded-Host": "inner.example",
    "X-Forwarded-For": ADDRESS,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "4433",
    "X-Forwarded-Prefix": "/open/forged",
    "X-Forwarded-Server": WORD,
    "X-Forwarded": f"for={ADDRESS}",
    "Forwarded": f"for={ADDRESS};host=inner.example;proto=https",
    "X-Real-IP": ADDRESS,
    "X-Request-Id": "forged-by-the-client",
    "X-Envoy-Original-Path": "/open/forged",
    "X-Envoy-Auth-Failure-Mode-Allowed": "true",
}
SHOUTED = [(name.upper(), value) for name, value in NAMES.items()]
UNDERSCORED = [(name.replace("-", "_"), value) for name, value in NAMES.items()]
TWICE = [(name, value) for name, value in NAMES.items() for _ in range(2)]
# Fields that `Connection` names are taken out on the way, unless the proxy takes care: then nothing would be asked about.
NAMED = [*NAMES.items(), ("Connection", "keep-alive, " + ", ".join(NAMES))]
WAYS = {"once": list(NAMES.items()), "shouted": SHOUTED, "underscored": UNDERSCORED, "twice": TWICE, "named-by-connection": NAMED}


@pytest.fixture(params=WAYS, ids=str)
def forged(request):
    return WAYS[request.param]


def refused(answer) -> bool:
    # A proxy may also find such a request malformed.
    return answer.status in (400, 401, 403, 429)


def test_another_route_another_host_or_another_method_is_not_asked_about(stack, client, forged):
    for method, path in (("GET", "/paid/x"), ("GET", "/banned/x"), ("POST", "/paid/x"), ("DELETE", "/banned/x")):
        answer = client.request(method, path, forged, b"" if method == "POST" else None)
        assert refused(answer), (method, path, answer)
    for name, value in forged:
        if name.lower() != "connection":
            assert client.get("/banned/x", [(name, value)]).status in (400, 403), name


def test_a_preflight_is_not_pretended(stack, client, forged):
    # Preflights are not charged to the free limits: a GET that passes for one would be.
    asked = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "GET")]
    assert refused(client.get("/paid/x", [*asked, *forged]))


def test_another_address_has_no_limits_of_its_own(stack, client, forged):
    statuses = []
    for number in range(4):
        headers = [(name, value.replace(ADDRESS, f"203.0.113.{number}")) for name, value in forged]
        statuses.append(client.get("/counted/x", headers).status)
    assert statuses in ([200, 200, 200, 429], [400] * 4)


def test_another_clients_limits_cannot_be_used_up(stack, client, forged):
    with stack.client() as victim:
        victim.open()
        address = victim.socket.getsockname()[0]
        for _ in range(4):
            client.get("/counted/x", [(name, value.replace(ADDRESS, address)) for name, value in forged])
        assert [victim.get("/counted/x").status for _ in range(3)] == [200] * 3


HOSTS = {
    "absolute-target": ("http://inner.example/banned/host", ["127.0.0.1"]),
    "absolute-target-other-way": ("http://127.0.0.1/banned/host", ["inner.example"]),
    "list": ("/banned/host", ["127.0.0.1,inner.example"]),
    "list-other-way": ("/banned/host", ["inner.example, 127.0.0.1"]),
    "twice": ("/banned/host", ["127.0.0.1", "inner.example"]),
    "user": ("/banned/host", ["inner.example@127.0.0.1"]),
    "none": ("/banned/host", []),
    "plain": ("/banned/host", ["inner.example"]),
    "shouted-with-port": ("/banned/host", ["INNER.EXAMPLE:80"]),
}


@pytest.mark.parametrize("case", HOSTS, ids=str)
def test_the_host_that_is_asked_about_is_the_host_that_the_site_gets(stack, client, case):
    # Everything is allowed at inner.example, and this path at no other host.
    target, hosts = HOSTS[case]
    lines = [f"GET {target} HTTP/1.1", *(f"Host: {host}" for host in hosts), "Connection: close"]
    client.send("\r\n".join(lines).encode() + b"\r\n\r\n")
    answer = client.read_response()
    if answer.status == 200:
        said = [value.lower().removesuffix(":80") for name, value in answer.json()["headers"] if name.lower() == "host"]
        assert said == ["inner.example"]
    else:
        assert answer.status in (400, 403) and case not in ("plain", "shouted-with-port")


@pytest.mark.parametrize(
    "name", ["PoW-Pass", "PoW-Solution", "PoW-Idempotency-Key", "POW_PASS", "PoW_Solution", "X-Tollgate", "Authorization"]
)
def test_no_admission_is_had_for_words(stack, client, name):
    for value in ("admitted", "A.A", "A" * 300, "*", "1, 2, 3"):
        answer = client.get("/paid/x", [(name, value), (name, value)])
        assert answer.status in (400, 401, 403), (name, value, answer)
    for cookie in ("tollgate_paid=A", "__Host-tollgate_paid=admitted", "tollgate_paid"):
        assert client.get("/paid/x", [("Cookie", cookie)]).status == 401


def test_the_site_sees_nothing_that_was_forged(stack, client, forged):
    answer = client.get("/open/seen", forged)
    if answer.status == 400:
        return
    headers = [(name.lower().replace("_", "-"), value) for name, value in answer.json()["headers"]]
    # What only Envoy believes is passed on by others, to a site that does not.
    told = [each for each in headers if stack.proxy.name == "envoy" or not each[0].startswith("x-envoy")]
    lies = [(name, value) for name, value in told if value in NAMES.values() or ADDRESS in value or WORD in value]
    assert lies == []
    client.open()
    address = client.socket.getsockname()[0]
    said = dict(headers)
    assert said["x-forwarded-for"] == address and said["x-forwarded-proto"] == "http"
    assert said.get("x-real-ip", address) == address
    assert all(len(list(group)) == 1 for _, group in itertools.groupby(sorted(name for name, _ in told if name.startswith("x-"))))


def test_the_site_sees_no_field_of_tollgates(stack, client):
    token = stack.passes(client)
    fields = [
        ("PoW-Pass", token),
        ("pow-pass", "x"),
        ("PoW-Idempotency-Key", "k"),
        ("POW-SOLUTION", "x.y"),
        ("PoW_Pass", token),
        ("pow_solution", "x"),
    ]
    answer = client.get("/paid/seen", [fields[0], fields[2]])
    names = {name.lower().replace("_", "-") for name, _ in answer.json()["headers"]}
    assert answer.status == 200 and not any(name.startswith("pow-") for name in names)
    answer = client.get("/open/seen", fields)
    names = {name.lower().replace("_", "-") for name, _ in answer.json()["headers"]}
    assert answer.status == 200 and not any(name.startswith("pow-") for name in names)


COOKIES = {
    "alone": (["tollgate_paid={}"], []),
    "first": (["tollgate_paid={}; a=1; b=2"], ["a=1", "b=2"]),
    "last": (["a=1; b=2; tollgate_paid={}"], ["a=1", "b=2"]),
    "between": (["a=1; tollgate_paid={}; __Host-tollgate_site=y; b=2"], ["a=1", "b=2"]),
    "scattered": (
        ["tollgate_paid={}; a=1; tollgate_b=z; b=tollgate_c; __Host-tollgate_=q; c=x=y"],
        ["a=1", "b=tollgate_c", "c=x=y"],
    ),
    "untidy": (['a=1;tollgate_paid={} ;  b="2";;\ttollgate_x'], ["a=1", 'b="2"']),
    "two-fields": (["a=1; tollgate_paid={}", "tollgate_x=1; b=2"], ["a=1", "b=2"]),
    "none-of-ours": (
        ["a=1; nottollgate_x=2; Tollgate_y=3; my__Host-tollgate_z=4"],
        ["a=1", "nottollgate_x=2", "Tollgate_y=3", "my__Host-tollgate_z=4"],
    ),
}


@pytest.mark.parametrize("case", COOKIES, ids=str)
def test_the_site_sees_the_clients_cookies_and_none_of_tollgates(stack, client, case):
    sent, kept = COOKIES[case]
    token = stack.passes(client)
    path = "/open/cookies" if case == "none-of-ours" else "/paid/cookies"
    answer = client.get(path, [("Cookie", each.format(token)) for each in sent])
    assert answer.status == 200
    fields = [value for name, value in answer.json()["headers"] if name.lower() == "cookie"]
    pairs = [pair.strip() for field in fields for pair in field.split(";") if pair.strip()]
    assert pairs == kept


def test_many_cookies_of_tollgates_name_pass_neither(stack, client):
    # Thirty, each apart from the next: more than anybody has. What else there is may be lost; ours are not passed on.
    cookie = "; ".join(f"tollgate_{index}=x; c{index}=y" for index in range(30))
    answer = client.get("/open/cookies", [("Cookie", cookie)])
    assert answer.status == 200
    assert not any("tollgate" in value for name, value in answer.json()["headers"] if name.lower() == "cookie")


@pytest.mark.parametrize("proxy", [each for each in PROXIES if each.name == "nginx"], ids=lambda each: each.name, indirect=True)
@pytest.mark.parametrize("target, host", [("http://inner.example/x", "127.0.0.1"), ("http://127.0.0.1/x", "inner.example")])
def test_a_request_that_names_two_hosts_is_not_taken(stack, client, target, host):
    # nginx would choose the server by the first and ask about the second.
    client.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert client.read_response().status == 400
