"""The site behind the gateway: every path answers a page that says how it was asked for."""

import html
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def site_answer(method: str, path: str, sent: bytes = b"") -> tuple[int, bytes, dict]:
    """The status, the body and the fields of the site's answer. A page shows what was sent to it, as it was sent."""
    if path.startswith("/file"):
        return 200, b"data", {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
    if path.startswith("/image"):
        return 200, b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', {"Content-Type": "image/svg+xml"}
    if path.startswith("/elsewhere?"):
        target = urllib.parse.unquote(path.partition("?")[2])
        return 303, b"", {"Content-Type": "text/plain", "Location": target}
    shown = f"<h1>The site</h1><p id=at>{method} {html.escape(path)}</p><p id=sent>{html.escape(sent.decode('latin-1'))}</p>"
    body = f"<!DOCTYPE html><meta charset=utf-8><title>The site</title><link rel=icon href=\"data:,\">{shown}"
    return 200, body.encode(), {"Content-Type": "text/html; charset=utf-8"}


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A browser that goes away in the middle of an answer is no error of ours."""


class Running:
    """A server on a free port of loopback, from its creation to `close`."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]):
        self.server = QuietServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Site(BaseHTTPRequestHandler):
    """For a real gateway: the site by itself."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, body, fields = site_answer(self.command, self.path, sent)
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET
