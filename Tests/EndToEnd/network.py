"""Networks that nodes of a cluster stand in, in which the way from one to another can be cut: `choose()` gives the best there is.

    network = choose()                 # Namespaces where the tests run as root, else Relays; TOLLGATE_NETWORK=relays demands these
    place = network.place("a")         # where node a is: place.host, place.advertise, place.listen, … and place.prefix, the words that
                                       # start a program there
    network.enter()                    # from now on this thread, and what it starts, is where the clients are
    network.host                       # what an upstream listens on, so that the nodes reach it
    network.cut("a", "b")              # nothing that a sends reaches b; what b sends still reaches a
    network.heal()                     # all ways are open
    network.close()                    # nothing is left over

Either kind tells peers apart and leaves the clients alone.
"""

import asyncio
import atexit
import contextlib
import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
PREFIX = "tollgate-test-"
INSTALL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "install-packages.sh")
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()
_open = set()


def _close_all():
    for network in list(_open):
        network.close()


atexit.register(_close_all)


def choose():
    if os.geteuid() != 0 or os.environ.get("TOLLGATE_NETWORK") == "relays":
        return Relays()
    subprocess.run([INSTALL, "ip=iproute2", "iptables=iptables", "nsenter=util-linux"], check=True)
    return Namespaces()


class Place:
    """Where a node is: all that its configuration says of addresses."""

    def __init__(self, host, prefix, listen, advertise, gateway, probes):
        self.host = host
        self.prefix = prefix
        self.listen = listen
        self.advertise = advertise
        self.gateway = gateway
        self.probes = probes


class Network:
    def __init__(self):
        self.places = {}
        _open.add(self)

    def place(self, name):
        if name not in self.places:
            self.places[name] = self._place(name)
        return self.places[name]

    def cut_both(self, one, other):
        self.cut(one, other)
        self.cut(other, one)

    def isolate(self, name, others):
        """Cuts a node off from the others."""
        for other in others:
            if other != name:
                self.cut_both(name, other)

    def started(self, name, pid):
        """A node runs as this process."""

    def close(self):
        _open.discard(self)


def sbin(command):
    """Where an administrator's command is, also for those whose PATH does not say."""
    return shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or command


class Namespaces(Network):
    """A network namespace for each node and one for the clients, on a bridge in a namespace of its own; cut by iptables."""

    def __init__(self):
        super().__init__()
        self.id = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
        self.names = []
        self.outside = None
        self._clear_dead()
        try:
            self.hub = self._namespace("hub")
            self._ip("link add br0 type bridge", "link set br0 up", where=self.hub)
            self.host = "10.77.0.254"
            self.clients = self._attach("clients", self.host)
        except BaseException:
            self.close()
            raise
        self.trusted = self.host

    @staticmethod
    def _clear_dead():
        """Those of test runs that were ended by force."""
        folder = "/run/netns"
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            pid = name.removeprefix(PREFIX).split("-")[0]
            if name.startswith(PREFIX) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                subprocess.run([sbin("ip"), "netns", "del", name], check=False, capture_output=True)

    def _namespace(self, name):
        full = f"{self.id}-{name}"
        subprocess.run([sbin("ip"), "netns", "add", full], check=True)
        self.names.append(full)
        return full

    @staticmethod
    def _ip(*commands, where):
        subprocess.run([sbin("ip"), "-n", where, "-batch", "-"], input="\n".join(commands), text=True, check=True)

    def _attach(self, name, host):
        namespace = self._namespace(name)
        port = f"p{len(self.names)}"
        self._ip(f"link add {port} type veth peer name eth0 netns {namespace}", f"link set {port} master br0 up",
                 where=self.hub)
        self._ip(f"address add {host}/24 dev eth0", "link set eth0 up", "link set lo up", where=namespace)
        return namespace

    def _inside(self, namespace):
        return [sbin("nsenter"), f"--net=/run/netns/{namespace}"]

    def _place(self, name):
        host = f"10.77.0.{len(self.places) + 1}"
        prefix = self._inside(self._attach(name, host))
        return Place(host, prefix, f"{host}:7400", f"{host}:7400", f"{host}:8080", f"{host}:9464")

    def enter(self):
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._move(f"/run/netns/{self.clients}")

    @staticmethod
    def _move(path):
        descriptor = os.open(path, os.O_RDONLY) if isinstance(path, str) else path
        try:
            if _libc.setns(descriptor, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {path}")
        finally:
            os.close(descriptor)

    def cut(self, source, destination):
        at = self.places[destination].prefix
        rule = ["-A", "INPUT", "-s", self.places[source].host, "-j", "DROP"]
        subprocess.run([*at, sbin("iptables"), "-w", *rule], check=True)

    def heal(self):
        for place in self.places.values():
            subprocess.run([*place.prefix, sbin("iptables"), "-w", "-F", "INPUT"], check=True)

    def close(self):
        super().close()
        if self.outside is not None:
            self._move(self.outside)
            self.outside = None
        for name in reversed(self.names):
            subprocess.run([sbin("ip"), "netns", "del", name], check=True)
        self.names = []


class Ports:
    """Ports of loopback that nobody else is likely to take: below those that the system gives away by itself."""

    FIRST, LAST = 20_000, 32_000
    _next = FIRST + os.getpid() * 37 % (LAST - FIRST)

    @classmethod
    def take(cls):
        for _ in range(cls.LAST - cls.FIRST):
            cls._next = cls.FIRST + (cls._next + 1 - cls.FIRST) % (cls.LAST - cls.FIRST)
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", cls._next))
                    return cls._next
                except OSError:
                    continue
        raise OSError("no free port")


class Relays(Network):
    """All on loopback. What peers send goes through a relay before each of them, which knows who has connected by whose socket it is."""

    host = "127.0.0.1"
    trusted = "loopback"
    CHUNK = 65_536

    def __init__(self):
        super().__init__()
        self.pids = {}
        self.closed = set()
        self.tasks = set()
        self.servers = []
        self.loop = asyncio.new_event_loop()
        self.changed = asyncio.Condition()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def enter(self):
        pass

    def started(self, name, pid):
        self.pids[name] = pid

    def _place(self, name):
        listen, advertise, gateway, probes = (f"127.0.0.1:{Ports.take()}" for _ in range(4))
        self._call(self._relay(name, int(advertise.split(":")[1]), int(listen.split(":")[1])))
        return Place("127.0.0.1", [], listen, advertise, gateway, probes)

    async def _relay(self, name, advertise, listen):
        async def accepted(reader, writer):
            self.tasks.add(asyncio.current_task())
            try:
                await self._serve(name, listen, reader, writer)
            except (OSError, asyncio.CancelledError):
                pass
            finally:
                writer.transport.abort()
                self.tasks.discard(asyncio.current_task())

        self.servers.append(await asyncio.start_server(accepted, "127.0.0.1", advertise))

    async def _serve(self, name, listen, reader, writer):
        peer = self._owner(writer.get_extra_info("peername")[1])
        # A connection needs both ways, to be made.
        await self._until_open((peer, name), (name, peer))
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", listen)
        try:
            # As soon as one side ends both do.
            pumps = [
                asyncio.ensure_future(self._pump((peer, name), reader, inner_writer)),
                asyncio.ensure_future(self._pump((name, peer), inner_reader, writer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            inner_writer.transport.abort()

    async def _pump(self, way, reader, writer):
        while data := await reader.read(self.CHUNK):
            await self._until_open(way)
            writer.write(data)
            await writer.drain()

    async def _until_open(self, *ways):
        async with self.changed:
            await self.changed.wait_for(lambda: self.closed.isdisjoint(ways))

    def _owner(self, port):
        """Which node has the socket on this local port of loopback; None for any other process."""
        with open("/proc/net/tcp", encoding="ascii") as file:
            ends = [line.split() for line in file][1:]
        inodes = {f"socket:[{end[9]}]" for end in ends if end[1] == f"0100007F:{port:04X}"}
        return next((name for name, pid in self.pids.items() if inodes & set(self._descriptors(pid))), None)

    @staticmethod
    def _descriptors(pid):
        folder = f"/proc/{pid}/fd"
        try:
            numbers = os.listdir(folder)
        except OSError:
            return
        for number in numbers:
            with contextlib.suppress(OSError):
                yield os.readlink(os.path.join(folder, number))

    def _close_ways(self, ways):
        async def change():
            async with self.changed:
                self.closed = ways
                self.changed.notify_all()

        self._call(change())

    def cut(self, source, destination):
        self._close_ways(self.closed | {(source, destination)})

    def heal(self):
        self._close_ways(set())

    def close(self):
        super().close()
        if not self.thread.is_alive():
            return

        async def end():
            for server in self.servers:
                server.close()
            tasks = list(self.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._call(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
