"""The service behind the gateway, as tests need it: it records what it is sent and answers as it is told.

    upstream = Upstream().start()            # tests use TestCase.start_upstream(), which also stops it
    upstream.authority                       # "127.0.0.1:PORT", or on the host that is asked for
    upstream.requests                        # what has come, oldest first: method, target, version, headers (a list of pairs), body,
                                             # trailers, connection (a number for each connection)
    upstream.count(); upstream.last(); upstream.take()       # how many; the newest; all, forgetting them
    upstream.connections                     # how many connections have been opened so far

By default every request is answered with 200 and a JSON object that says what was received. A handler of one's own takes the place
of that, for all requests (`Upstream(handler)`, `upstream.handler = …`) or for a path (`upstream.on("/slow", handler)`):

    async def handler(request, connection):
        await connection.respond(200, [("Content-Type", "text/plain")], b"hello")     # framed by Content-Length
        await connection.write(b"HTTP/1.1 200 OK\\r\\n…")                               # or any bytes at all
        connection.close() / connection.abort()                                       # and in any way (abort: RST)
        # request.body is None where the handler is marked `@streaming`; then `async for part in connection.body(request)` reads it

It runs on an event loop in a thread of its own; `upstream.call(coroutine)` runs something there and waits for it.
"""

import asyncio
import collections
import json
import threading

REQUESTS_MAX = 200_000


def streaming(handler):
    """Marks a handler that reads the body itself."""
    handler.is_streaming = True
    return handler


class Request:
    def __init__(self, method, target, version, headers, connection):
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.connection = connection
        self.body = None
        self.trailers = []

    @property
    def path(self):
        return self.target.split("?", 1)[0]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times: {values}"
        return values[0] if values else None

    def names(self):
        return [key.lower() for key, _ in self.headers]

    def __repr__(self):
        return f"<{self.method} {self.target} {self.headers}>"


class Connection:
    def __init__(self, number, reader, writer):
        self.number = number
        self.reader = reader
        self.writer = writer
        self.is_closing = False

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def respond(self, status=200, headers=(), body=b"", method=None, reason="Fine"):
        lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in headers]
        if status >= 200 and status not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        await self.write(head + (b"" if method == "HEAD" else body))

    def close(self):
        self.is_closing = True
        self.writer.close()

    def abort(self):
        self.is_closing = True
        self.writer.transport.abort()

    async def body(self, request):
        """The parts of the request's body as they arrive."""
        encoding = request.header("transfer-encoding")
        if encoding:
            while True:
                size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
                if size == 0:
                    break
                left = size
                while left:
                    part = await self.reader.read(min(left, 1 << 16))
                    if not part:
                        raise asyncio.IncompleteReadError(b"", left)
                    left -= len(part)
                    yield part
                await self.reader.readexactly(2)
            while (line := await self.reader.readuntil(b"\r\n")) != b"\r\n":
                name, _, value = line.decode("latin-1").partition(":")
                request.trailers.append((name, value.strip()))
        else:
            left = int(request.header("content-length") or 0)
            while left:
                part = await self.reader.read(min(left, 1 << 16))
                if not part:
                    raise asyncio.IncompleteReadError(b"", left)
                left -= len(part)
                yield part


async def echo(request, connection):
    """Says what was received."""
    seen = {
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body": request.body.decode("latin-1") if len(request.body) <= 65_536 else len(request.body),
    }
    await connection.respond(
        200, [("Content-Type", "application/json")], json.dumps(seen).encode(), request.method
    )


async def fine(request, connection):
    """As little as can be said."""
    await connection.respond(200, [("Content-Type", "text/plain")], b"fine", request.method)


class Upstream:
    def __init__(self, handler=None, host="127.0.0.1"):
        self.host = host
        self.handler = handler or echo
        self.paths = {}
        self.requests = collections.deque(maxlen=REQUESTS_MAX)
        self.connections = 0
        self._open = set()
        self._lock = threading.Lock()

    def start(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.port = self.call(self._listen())
        return self

    @property
    def authority(self):
        return f"{self.host}:{self.port}"

    async def _listen(self, port=0):
        self._server = await asyncio.start_server(self._serve, self.host, port, backlog=1024)
        return self._server.sockets[0].getsockname()[1]

    def call(self, coroutine, timeout=30):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def on(self, path, handler):
        self.paths[path] = handler

    def stop(self):
        async def end():
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        if self._thread.is_alive():
            self.call(end())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()

    def close_idle(self):
        """Closes every connection that is open now: kept ones look to the gateway as servers do that time out."""

        async def end():
            for writer in list(self._open):
                writer.close()

        self.call(end())

    def pause(self):
        """Stops listening and drops every connection."""

        async def end():
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()

        self.call(end())

    def resume(self):
        """Listens again, on the same port."""
        self.call(self._listen(self.port))

    # What has come

    def count(self):
        return len(self.requests)

    def last(self):
        return self.requests[-1]

    def take(self):
        with self._lock:
            taken = list(self.requests)
            self.requests.clear()
        return taken

    # Serving

    async def _serve(self, reader, writer):
        self.connections += 1
        connection = Connection(self.connections, reader, writer)
        self._open.add(writer)
        try:
            while not connection.is_closing and (request := await self._head(connection)):
                handler = self.paths.get(request.path, self.handler)
                with self._lock:
                    self.requests.append(request)
                if not getattr(handler, "is_streaming", False):
                    request.body = b"".join([part async for part in connection.body(request)])
                await handler(request, connection)
                if "close" in (request.header("connection") or "").lower():
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _head(self, connection):
        try:
            line = await connection.reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError:
            return None
        method, target, version = line.decode("latin-1").rstrip("\r\n").split(" ")
        headers = []
        while (line := await connection.reader.readuntil(b"\r\n")) != b"\r\n":
            name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
            headers.append((name, value.strip(" \t")))
        return Request(method, target, version, headers, connection.number)
