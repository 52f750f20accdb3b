"""An upstream made of raw sockets, for what no decent server does.

Each accepted connection is served by a thread that runs a script, a function of one `UpstreamConnection`. The script reads
and writes bytes as it likes; what it reads as requests is recorded. A script ends by returning, which closes its
connection. Every read has a timeout, so that no script outlives its test.

What a script raises is kept in `failures`, but for a connection that the gateway closed: that is the gateway's right, and
tests that care ask for it by `expect_closed`.
"""

import socket
import struct
import threading
from dataclasses import dataclass, field

#: Seconds that a script waits for bytes. Longer than any test waits for the gateway; only a hang reaches it.
READ_TIMEOUT = 150

#: Longest head that a script takes.
HEAD_BYTES_MAX = 1 << 20


class Gone(Exception):
    """The gateway closed the connection where the script wanted more."""


@dataclass
class Request:
    """A request as it reached the upstream."""

    #: Which connection brought it, counted from 0 in the order of acceptance.
    connection: int
    #: The request line, without its end.
    line: str
    #: Fields in their order, names as sent.
    fields: list
    #: Content, chunks joined.
    body: bytes = b""
    #: Fields after the last chunk.
    trailers: list = field(default_factory=list)

    @property
    def method(self):
        return self.line.split(" ")[0]

    @property
    def target(self):
        return self.line.split(" ")[1]

    def all(self, name):
        """All values of a field."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def one(self, name):
        """The value of a field that stands at most once; None if it is absent."""
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} stands {len(values)} times: {self.fields}")
        return values[0] if values else None

    @property
    def names(self):
        """Names of all fields, in lower case."""
        return [key.lower() for key, _ in self.fields]


class UpstreamConnection:
    """One connection of the gateway, as a script sees it."""

    def __init__(self, upstream, number, sock):
        self.upstream = upstream
        self.number = number
        self.sock = sock
        self.buffer = bytearray()
        sock.settimeout(READ_TIMEOUT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # Reading

    def more(self):
        """Takes what has come into the buffer; raises `Gone` at the end."""
        piece = self.sock.recv(262_144)
        if not piece:
            raise Gone
        self.buffer += piece

    def read_until(self, end):
        while (at := self.buffer.find(end)) < 0:
            if len(self.buffer) > HEAD_BYTES_MAX:
                raise AssertionError("the gateway sent a head without end")
            self.more()
        at += len(end)
        taken = bytes(self.buffer[:at])
        del self.buffer[:at]
        return taken

    def read_exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def read_head(self):
        """Reads and records the next request's head."""
        lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        request = Request(self.number, lines[0], [parse_field(line) for line in lines[1:]])
        with self.upstream.lock:
            self.upstream.requests.append(request)
            self.upstream.lock.notify_all()
        return request

    def read_body(self, request, take=None):
        """Reads a request's content. With `take` its pieces go there instead of into memory."""
        kept = bytearray()
        take = take or kept.extend
        if request.one("transfer-encoding"):
            while size := int(self.read_until(b"\r\n").split(b";")[0], 16):
                self.read_pieces(size, take)
                if self.read_exactly(2) != b"\r\n":
                    raise AssertionError("a chunk has no end")
            while (line := self.read_until(b"\r\n")) != b"\r\n":
                request.trailers.append(parse_field(line[:-2].decode("latin-1")))
        else:
            self.read_pieces(int(request.one("content-length") or 0), take)
        request.body = bytes(kept)
        return request.body

    def read_pieces(self, count, take):
        while count:
            if not self.buffer:
                self.more()
            piece = bytes(self.buffer[:count])
            del self.buffer[: len(piece)]
            take(piece)
            count -= len(piece)

    def read_request(self):
        request = self.read_head()
        self.read_body(request)
        return request

    def expect_closed(self):
        """Waits until the gateway ends the connection; whatever it still sends is thrown away."""
        try:
            while self.sock.recv(65_536):
                pass
        except ConnectionError:
            pass

    # Writing

    def send(self, *pieces):
        for piece in pieces:
            self.sock.sendall(piece.encode("latin-1") if isinstance(piece, str) else piece)

    def answer(self, body=b"", status="200 OK", fields=(), length=True):
        """A whole response with a length."""
        body = body.encode() if isinstance(body, str) else body
        head = f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
        if length:
            head += f"Content-Length: {len(body)}\r\n"
        self.send(head.encode("latin-1") + b"\r\n" + body)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def reset(self):
        """Ends the connection by RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def parse_field(line):
    name, _, value = line.partition(":")
    return name, value.strip()


def serve_ok(connection):
    """The script of a decent server: every request gets 200 with its own request line."""
    while True:
        request = connection.read_request()
        connection.answer("" if request.method == "HEAD" else request.line)


class ScriptedUpstream:
    """Listens on a free port of 127.0.0.1. Use as a context manager, or call `stop`."""

    def __init__(self, script=serve_ok, receive_buffer=None, backlog=512):
        self.script = script
        self.lock = threading.Condition()
        self.requests = []
        self.failures = []
        self.accepted = 0
        self.open = {}
        self.threads = []
        self.listener = socket.socket()
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(backlog)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                connection = UpstreamConnection(self, self.accepted, sock)
                self.accepted += 1
                self.open[connection.number] = sock
                self.lock.notify_all()
                thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
                self.threads.append(thread)
            thread.start()

    def serve(self, connection):
        try:
            self.script(connection)
        except (Gone, ConnectionError):
            pass
        except OSError as error:
            # A socket that `stop` has shut is no fault of anybody's.
            if connection.sock.fileno() >= 0:
                self.fail(error)
        except Exception as error:  # noqa: BLE001 - whatever a script raises is the test's to see
            self.fail(error)
        finally:
            connection.sock.close()
            with self.lock:
                self.open.pop(connection.number, None)
                self.lock.notify_all()

    def fail(self, error):
        with self.lock:
            self.failures.append(error)

    def wait_for(self, condition, timeout=READ_TIMEOUT):
        """Waits until `condition(self)` holds: it is asked at each accept, request and end of a connection."""
        with self.lock:
            if not self.lock.wait_for(lambda: condition(self), timeout):
                raise AssertionError(f"the upstream has {self.accepted} connections, {len(self.requests)} requests")

    def stop(self):
        """Ends everything and raises what a script has raised first."""
        # Closing alone would leave the thread in accept.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.acceptor.join(READ_TIMEOUT)
        with self.lock:
            for sock in self.open.values():
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            threads = list(self.threads)
        for thread in threads:
            thread.join(READ_TIMEOUT)
        if self.failures:
            raise self.failures[0]
