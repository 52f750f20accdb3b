"""The site behind the proxies. It tells every client what arrived: as JSON, as a page to a browser, as echoes to a WebSocket."""

import base64
import contextlib
import hashlib
import html
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def websocket_accept(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + WEBSOCKET_GUID).encode()).digest()).decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: "RecordingSite"

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def answer(self):
        method, target = self.requestline.split(" ")[:2]
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.site.note(method, target, self.headers.items(), b"")
            self.echo()
            return
        body = self.body()
        seen = self.site.note(method, target, self.headers.items(), body)
        status = re.search(r"/status/(\d{3})", target)
        if "text/html" in self.headers.get("Accept", ""):
            text = f"<!DOCTYPE html><title>The site</title><p id=at>{method} {html.escape(target)}</p>"
            text += f"<pre id=sent>{html.escape(body.decode('utf-8', 'replace'))}</pre>"
            kind = "text/html; charset=utf-8"
        else:
            text, kind = json.dumps(seen), "application/json"
        self.send_response(int(status.group(1)) if status else 200)
        fields = {"X-Request-Id": "of-the-site"}
        if not status or status[1] != "204":
            fields |= {"Content-Type": kind, "Content-Length": str(len(text.encode()))}
        if "Origin" in self.headers:
            fields["Access-Control-Allow-Origin"] = self.headers["Origin"]
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        if method != "HEAD":
            self.wfile.write(text.encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def echo(self):
        """RFC 6455, as far as a test needs it: short frames are sent back unmasked until one closes."""
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", websocket_accept(self.headers["Sec-WebSocket-Key"]))
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while head := self.rfile.read(2):
            length = head[1] & 0x7F
            mask, data = self.rfile.read(4), self.rfile.read(length)
            self.wfile.write(bytes([head[0], length]) + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))
            if head[0] & 0x0F == 8:
                return


class RecordingSite(ThreadingHTTPServer):
    """Runs on a free port of loopback from its creation to `stop`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"site": self}))
        self.lock = threading.Lock()
        self.seen: list[dict] = []
        self.connections: set[socket.socket] = set()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def get_request(self):
        connection, address = super().get_request()
        with self.lock:
            self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request):
        with self.lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def note(self, method, target, headers, body: bytes) -> dict:
        seen = {
            "method": method,
            "target": target,
            "headers": [list(each) for each in headers],
            "length": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        with self.lock:
            self.seen.append(seen)
        return seen

    def saw(self, text: str) -> list[dict]:
        """The requests with this in their target."""
        with self.lock:
            return [each for each in self.seen if text in each["target"]]

    def handle_error(self, request, client_address):
        """A client that goes away in the middle of an answer is no error of ours."""

    def stop(self):
        if not self.thread.is_alive():
            return
        self.shutdown()
        self.server_close()
        self.thread.join()
        # Those that are kept would be served on.
        with self.lock:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
