"""Stands between a proxy and Tollgate, remembers what the proxy says, and can fall silent."""

import asyncio
import threading

BYTES_MAX = 8 << 20


class Relay:
    """Passes TCP connections from `port` on to `target`, both on loopback, from its creation to `stop`.

    `silent`: connections are taken, and what comes is read, but nothing is answered.
    """

    def __init__(self, port: int, target: int):
        self.port, self.target = port, target
        self.silent = False
        self.said = bytearray()
        self.loop = asyncio.new_event_loop()
        self.tasks: set[asyncio.Task] = set()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,))
        self.thread.start()
        assert ready.wait(20), "the relay cannot listen"

    def _run(self, ready: threading.Event):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        ready.set()
        self.loop.run_forever()
        for task in self.tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
        self.loop.close()

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        up_writer = None
        try:
            if self.silent:
                while await reader.read(65_536):
                    pass
                return
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(self._pump(reader, up_writer, self.said), self._pump(up_reader, writer, None))
        except OSError:
            pass
        finally:
            for each in (writer, up_writer):
                if each is not None:
                    each.close()

    async def _pump(self, reader, writer, record):
        while data := await reader.read(65_536):
            if record is not None and len(record) < BYTES_MAX:
                record += data
            # A connection that was kept from before is silent too.
            if self.silent:
                continue
            writer.write(data)
            await writer.drain()
        # The end of one direction is not the end of the other.
        writer.write_eof()

    def heard(self, text: bytes) -> bool:
        return text in bytes(self.said)

    def stop(self):
        def end():
            self.server.close()
            self.loop.stop()

        self.loop.call_soon_threadsafe(end)
        self.thread.join()
