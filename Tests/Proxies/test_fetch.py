"""Programs get through: `tollgate fetch` and the endpoints by hand."""

import hashlib
import json
import subprocess

import protocol
import pytest
from stack import BINARY

pytestmark = pytest.mark.shows("fetch")


def fetch(*arguments):
    command = [BINARY, "fetch", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def test_fetch_passes(stack):
    done = fetch(f"{stack.url}/paid/fetched?a=1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["target"] == "/paid/fetched?a=1"


def test_what_fetch_posts_arrives_whole(stack, tmp_path):
    body = bytes(range(256)) * 1_000
    (tmp_path / "body").write_bytes(body)
    done = fetch("--data", f"@{tmp_path}/body", "--header", "Content-Type: application/octet-stream", f"{stack.url}/paid/posted")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["method"], seen["sha256"]) == ("POST", hashlib.sha256(body).hexdigest())


def test_the_pass_of_a_solution_in_line_comes_back_to_the_client(stack, client):
    challenge = client.get("/paid/x").json()["challenge"]
    solution = ("PoW-Solution", f"{challenge['challenge']}.{protocol.solve(challenge)}")
    answer = client.get("/paid/x", [solution])
    assert answer.status == 200
    if not stack.proxy.tells_client:
        assert answer.all("PoW-Pass") == []
        return
    assert "no-store" in ", ".join(answer.all("Cache-Control"))
    token = answer.header("PoW-Pass")
    assert [client.get("/paid/x", [("PoW-Pass", token)]).status for _ in range(9)] == [200] * 9
    # The grant of 10 is used up.
    assert client.get("/paid/x", [("PoW-Pass", token)]).status == 401


def test_a_challenge_is_redeemed_once_through_the_proxy(stack, client):
    challenge = client.get(f"{protocol.CHALLENGE}?policy=paid").json()
    solution = protocol.solve(challenge)
    answer = protocol.redeem(client, challenge, solution)
    assert answer.status == 200
    assert protocol.redeem(client, challenge, solution).status == 409
    cookie = answer.header("Set-Cookie").split(";")[0]
    assert cookie.startswith("tollgate_paid=")
    assert client.get("/paid/x", [("Cookie", cookie)]).status == 200
    # It was issued to this address.
    with stack.client() as other:
        challenge = client.get(f"{protocol.CHALLENGE}?policy=paid").json()
        assert protocol.redeem(other, challenge, protocol.solve(challenge)).status == 403


def test_a_refusal_is_tollgates_own_answer(stack, client):
    answer = client.get("/paid/x", [("Accept", "application/json")])
    assert answer.status == 401
    assert answer.header("Content-Type") == "application/problem+json"
    assert answer.header("WWW-Authenticate") == 'PoW realm="paid"'
    assert answer.header("PoW-Challenge").startswith(answer.json()["challenge"]["challenge"])
    assert answer.header("X-Request-Id") == answer.json()["instance"]
    assert client.get("/banned/x").status == 403
    assert client.get("/nowhere").status == 404


def test_over_the_free_limit_the_status_is_429_and_work_helps_until_the_ceiling(stack, client):
    answers = [client.get("/counted/x") for _ in range(4)]
    assert [each.status for each in answers] == [200, 200, 200, 429]
    challenge = answers[3].json()["challenge"]
    assert protocol.verify(challenge, protocol.solve(challenge)) is None
    token = [("PoW-Pass", stack.passes(client, "counted"))]
    statuses = [client.get("/counted/x", token).status for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert client.get("/counted/x", token).json()["type"] == "urn:tollgate:over-limit"
