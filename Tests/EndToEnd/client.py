"""An HTTP/1.1 client that sends what it is told, also what no honest client would, and believes nothing that it reads.

    with Client(("127.0.0.1", 8080), source="127.0.0.2") as client:        # one kept connection, opened when it is needed
        answer = client.request("POST", "/x?y", [("Content-Type", "text/plain")], b"body")    # Host and Content-Length are added
        answer.status, answer.reason, answer.headers, answer.body, answer.informational, answer.trailers
        answer.header("retry-after")         # the only value, None if there is none; several are an error
        answer.all("set-cookie"); answer.json()
        client.send(b"GET / HTTP/1.1\r\n"); client.read_response(); client.read_until_closed()

    exchange(address, raw_bytes)             # on a connection of its own: all final responses until the server closes

A response is parsed strictly (RFC 9112): whatever is not well-formed raises Violation, so every test of a refusal is also a test of
how it is framed. Each socket has a timeout, so that a test can fail but not hang. One thread a client.
"""

import json
import re
import socket

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)\Z")
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
HEAD_MAX = 256 * 1024


class Violation(Exception):
    """The server sent something that is not HTTP/1.1."""


class Closed(Exception):
    """The server closed the connection before a response began."""


class Response:
    def __init__(self, status, reason, headers):
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = b""
        self.trailers = []
        self.informational = []

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        if len(values) > 1:
            raise Violation(f"{name} stands {len(values)} times: {values}")
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def closes(self):
        return any("close" in value.lower() for value in self.all("connection"))

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class Client:
    def __init__(self, address, source=None, timeout=30):
        self.address = address
        self.source = source
        self.timeout = timeout
        self.socket = None
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self):
        if self.socket is None:
            if isinstance(self.address, str):
                self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self.socket.settimeout(self.timeout)
                self.socket.connect(self.address.removeprefix("unix:"))
            else:
                source = (self.source, 0) if self.source else None
                self.socket = socket.create_connection(self.address, self.timeout, source)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffer = b""
        return self

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    @property
    def authority(self):
        return "localhost" if isinstance(self.address, str) else "%s:%d" % self.address

    # Sending

    def send(self, data):
        """Bytes as they are. What cannot be sent as the server has closed is not an error: its answer may be there to read."""
        self.open()
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def head(self, method, target, headers=(), host=True):
        lines = [f"{method} {target} HTTP/1.1"]
        if host and not any(name.lower() == "host" for name, _ in headers):
            lines.append(f"Host: {self.authority}")
        lines += [f"{name}: {value}" for name, value in headers]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def request(self, method, target, headers=(), body=None):
        """One request and its final response, on the kept connection if there is one.

        A kept connection that the server has closed meanwhile is opened again, once.
        """
        headers = list(headers.items()) if isinstance(headers, dict) else list(headers)
        framed = any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers)
        if body is not None and not framed:
            headers.append(("Content-Length", str(len(body))))
        data = self.head(method, target, headers) + (body or b"")
        kept = self.socket is not None
        self.send(data)
        try:
            return self.read_response(method)
        except (Closed, ConnectionResetError):
            if not kept:
                raise
        self.close()
        self.send(data)
        return self.read_response(method)

    def get(self, target, headers=()):
        return self.request("GET", target, headers)

    def post(self, target, body, headers=()):
        return self.request("POST", target, headers, body)

    def post_json(self, target, value, headers=()):
        headers = list(headers.items()) if isinstance(headers, dict) else list(headers)
        return self.post(target, json.dumps(value).encode(), headers + [("Content-Type", "application/json")])

    # Reading

    def _more(self):
        data = self.socket.recv(65_536)
        self.buffer += data
        return bool(data)

    def _line(self):
        while b"\n" not in self.buffer:
            if len(self.buffer) > HEAD_MAX:
                raise Violation("a line without end")
            if not self._more():
                if self.buffer:
                    raise Violation(f"the connection ended within a line: {self.buffer[:200]!r}")
                raise Closed()
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            raise Violation(f"a line does not end with CR LF: {line[:200]!r}")
        return line[:-1]

    def _fields(self):
        fields = []
        while line := self._line():
            name, colon, value = line.partition(b":")
            if not colon or not TOKEN.match(name) or not FIELD_VALUE.match(value):
                raise Violation(f"not a header field: {line[:200]!r}")
            fields.append((name.decode("ascii"), value.strip(b" \t").decode("latin-1")))
        return fields

    def read_head(self):
        match = STATUS_LINE.match(line := self._line())
        if not match:
            raise Violation(f"not a status line: {line[:200]!r}")
        return Response(int(match.group(1)), match.group(2).decode("latin-1"), self._fields())

    def read_response(self, method="GET"):
        """The next final response with its body; those before it are in `informational`."""
        informational = []
        try:
            while (response := self.read_head()).status < 200:
                if response.status == 101:
                    raise Violation("101 that nobody asked for")
                informational.append(response)
        except Closed:
            if informational:
                raise Violation("only informational responses") from None
            raise
        response.informational = informational
        self._read_body(response, method)
        if response.closes:
            self.close_after(response)
        return response

    def close_after(self, response):
        """The server has said that it closes: it must, and say nothing more."""
        rest = self.buffer
        try:
            while data := self.socket.recv(65_536):
                rest += data
        except ConnectionResetError:
            pass
        self.close()
        if rest:
            raise Violation(f"bytes after the last response: {rest[:200]!r}")

    def _read_body(self, response, method):
        encoding, length = response.header("transfer-encoding"), response.header("content-length")
        if encoding is not None and length is not None:
            raise Violation("both Transfer-Encoding and Content-Length")
        if method == "HEAD" or response.status in (204, 304):
            if encoding is not None and response.status == 204:
                raise Violation("204 with Transfer-Encoding")
            return
        if encoding is not None:
            if encoding.lower() != "chunked":
                raise Violation(f"transfer coding {encoding}")
            self._read_chunks(response)
        elif length is not None:
            if not re.fullmatch("[0-9]+", length):
                raise Violation(f"Content-Length: {length}")
            response.body = self._take(int(length))
        else:
            if not response.closes:
                raise Violation("a body without length on a connection that stays open")
            while self._more():
                pass
            response.body, self.buffer = self.buffer, b""

    def _read_chunks(self, response):
        parts = []
        while True:
            size = self._line().split(b";")[0]
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
                raise Violation(f"chunk size {size!r}")
            if int(size, 16) == 0:
                break
            parts.append(self._take(int(size, 16)))
            if self._take(2) != b"\r\n":
                raise Violation("a chunk does not end with CR LF")
        response.body = b"".join(parts)
        response.trailers = self._fields()

    def _take(self, count):
        parts = [self.buffer[:count]]
        got = len(parts[0])
        self.buffer = self.buffer[count:]
        while got < count:
            data = self.socket.recv(min(1 << 20, max(65_536, count - got)))
            if not data:
                raise Violation(f"the body ended after {got} of {count} bytes")
            parts.append(data[: count - got])
            self.buffer = data[count - got :]
            got += len(parts[-1])
        return b"".join(parts)

    def read_until_closed(self):
        """All that is still to come, as it is."""
        rest, self.buffer = self.buffer, b""
        try:
            while data := self.socket.recv(65_536):
                rest += data
        except ConnectionResetError:
            pass
        self.close()
        return rest


def exchange(address, data, source=None, timeout=30, half_close=True):
    """Sends the bytes on a connection of its own and returns all final responses until the server closes.

    Without `half_close` the bytes must make the server close. With it, their end is the end of the connection as the server sees it;
    then a request that takes time may be taken for abandoned.
    """
    responses = []
    with Client(address, source, timeout) as client:
        client.send(data)
        if half_close:
            try:
                client.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        try:
            while client.socket is not None:
                responses.append(client.read_response())
        except (Closed, ConnectionResetError):
            pass
    return responses
