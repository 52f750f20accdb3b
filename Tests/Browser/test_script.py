"""deploy/clients/tollgate.js: a browser application of another origin pays for its requests by itself."""

import json
import pathlib
import subprocess

import pytest

from conftest import BINARY, free_port, wait_until_ready
from upstream import Running, Site

SCRIPT = pathlib.Path(__file__).parents[2] / "deploy" / "clients" / "tollgate.js"
PAGE = """<!DOCTYPE html><meta charset=utf-8><title>An application</title>
<script type=module>import { paidFetch } from "./tollgate.js"; window.paidFetch = paidFetch; window.isReady = true</script>"""
POLICY = "default-src 'none'; script-src 'self' 'unsafe-inline'; worker-src 'self'; connect-src *"


class Application(Site):
    """Serves the page and the script."""

    def do_GET(self):
        is_script = self.path == "/tollgate.js"
        body = SCRIPT.read_bytes() if is_script else PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)


def api_for(origin, seen):
    """An API that lets scripts of this origin call it, and notes what reaches it."""

    class Service(Site):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            seen.append((self.command, self.path, dict(self.headers), body))
            text = b"" if self.command == "OPTIONS" else b'{"ok": true}'
            self.send_response(204 if self.command == "OPTIONS" else 200)
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Methods", "GET, POST")
            self.send_header("Access-Control-Allow-Headers", "Content-Type")
            if self.command != "OPTIONS":
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_OPTIONS = answer

    return Service


@pytest.fixture
def application(page, tmp_path):
    """A page of one origin, opened, and the URL of a gateway of another one; what has reached the service behind that."""
    if BINARY is None:
        pytest.skip("TOLLGATE_BINARY names no gateway")
    origin = Running(Application)
    seen = []
    service = Running(api_for(origin.url, seen))
    gateway, probes = free_port(), free_port()
    configuration = tmp_path / "tollgate.yaml"
    configuration.write_text(
        f"""listeners: [{{ address: "127.0.0.1:{gateway}" }}]
probes: {{ address: "127.0.0.1:{probes}" }}
upstream: "{service.url}"
policies:
  api:
    preset: api
    free: {{ rate: 0 }}
    work: {{ difficulty: 40000, grants: 3 }}
    ceiling: {{ rate: 1000/min, burst: 100 }}
    cors: {{ origins: ["{origin.url}"] }}
routes: [{{ name: api, policy: api }}]
"""
    )
    with open(tmp_path / "tollgate.log", "wb") as log:
        process = subprocess.Popen([BINARY, "serve", "--config", str(configuration)], stdout=log, stderr=log)
    try:
        wait_until_ready(process, f"http://127.0.0.1:{probes}/readyz", tmp_path / "tollgate.log")
        page.goto(origin.url)
        page.wait_for_function("window.isReady")
        yield page, f"http://127.0.0.1:{gateway}", seen
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            service.close()
            origin.close()


def test_it_pays_and_renews(application):
    page, url, seen = application
    redemptions = []
    page.on("request", lambda request: redemptions.append(request) if request.url.endswith("/redeem") and request.method == "POST" else None)
    answers = page.evaluate(
        """async (url) => {
             const answers = [];
             for (let index = 0; index < 7; index += 1) {
               const response = await paidFetch(`${url}/v1/${index}`);
               answers.push([response.status, await response.json()]);
             }
             return answers;
           }""",
        url,
    )
    assert answers == [[200, {"ok": True}]] * 7
    assert len(redemptions) == 3
    assert [path for method, path, _, _ in seen if method == "GET"] == [f"/v1/{index}" for index in range(7)]
    for _, _, headers, _ in seen:
        assert not [name for name in headers if name.lower().startswith("pow-")]


def test_it_posts(application):
    page, url, seen = application
    status = page.evaluate(
        """async (url) => (await paidFetch(url + "/v1/x", {
             method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ a: 1 }) })).status""",
        url,
    )
    assert status == 200
    assert [json.loads(body) for method, _, _, body in seen if method == "POST"] == [{"a": 1}]


def test_calls_at_once_share_a_pass(application):
    page, url, _ = application
    redemptions = []
    page.on("request", lambda request: redemptions.append(request) if request.url.endswith("/redeem") and request.method == "POST" else None)
    statuses = page.evaluate(
        "async (url) => (await Promise.all([1, 2, 3].map((n) => paidFetch(`${url}/v1/${n}`)))).map((r) => r.status)", url
    )
    assert statuses == [200] * 3
    assert len(redemptions) == 1


def test_too_much_work_is_not_begun(application):
    page, url, seen = application
    message = page.evaluate(
        "async (url) => { try { await paidFetch(url, { maxHashes: 1000 }) } catch (error) { return error.message } }", url
    )
    assert "about 40000 hashes" in message
    assert seen == []
