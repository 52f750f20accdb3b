"""Writes the files of a replica's log, as Sources/RaftStorage describes them and without its code: an independent reading of
the format.

    writer = LogWriter(folder, node="node-1")
    writer.snapshot(0, 0, b"genesis")
    segment = writer.segment()
    segment.entry(term=1, index=1, command=b"...")
    segment.close()
"""

import os
import struct

SECTOR = 512
HEADER = 40
MARKER = 0xA5
BLOCK = 64 << 10
START, HARD_STATE, RESET, NO_OPERATION, COMMAND, CONFIGURATION = 0x11, 0x22, 0x33, 0x44, 0x55, 0x66

_table = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ (0x82F63B78 if _byte & 1 else 0)
    _table.append(_byte)


def crc32c(data, before=0):
    value = before ^ 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _table[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(data)) + data


def membership(*members):
    """Voters all, (replica, name, address) each, sorted by replica."""
    data = struct.pack(">BI", 1, len(members))
    for replica, name, address in members:
        data += replica + text(name) + text(address)
    data += struct.pack(">I", len(members)) + b"".join(replica for replica, _, _ in members)
    return data + 3 * struct.pack(">I", 0)


def hard_state(term, vote=None):
    return struct.pack(">QB", term, vote is not None) + (vote or b"")


class LogWriter:
    def __init__(self, folder, node="node-1", replica=b"R" * 16, cluster=b"C" * 16):
        self.folder = folder
        self.replica = replica
        self.identity = cluster + replica + text(node)
        self.members = membership((replica, node, "127.0.0.1:7000"))
        self.number = 0
        self.previous = (0, 0)
        for name in ("log", "snapshots"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def snapshot(self, term, index, payload):
        description = struct.pack(">BQQQ", 1, term, index, len(payload)) + self.members
        content = self.identity + text(description)
        head = b"TOLLGSNP" + struct.pack(">II", 1, 16 + len(content) + 4) + content
        data = head + struct.pack(">I", crc32c(head))
        total = crc32c(self.identity + struct.pack(">QQ", term, index))
        for begin in range(0, len(payload), BLOCK):
            block = payload[begin : begin + BLOCK]
            total = crc32c(block, total)
            data += block + struct.pack(">I", total)
        path = self.path("snapshots", f"{index:016x}-{term:016x}.snapshot")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def segment(self, length=8192, term=0, vote=None, last=(0, 0)):
        """The next segment, with its first record: term and vote, and the log's last (term, index)."""
        self.number += 1
        return SegmentWriter(self, length, term, vote, last)


class SegmentWriter:
    def __init__(self, log, length, term, vote, last):
        self.log = log
        self.path = log.path("log", f"{log.number:016x}.log")
        self.length = length
        end, total = log.previous
        head = b"TOLLGLOG" + struct.pack(">IQQQI", 1, log.number, length, end, total) + log.identity
        head = head.ljust(SECTOR - 4, b"\0")
        self.salt = self.previous = crc32c(head)
        self.data = bytearray(head + struct.pack(">I", self.salt))
        self.durable = SECTOR
        self.record(START, last[0], last[1], hard_state(term, vote))
        self.durable = len(self.data)

    def entry(self, term, index, command):
        return self.record(COMMAND, term, index, command)

    def record(self, kind, term, index, payload=b""):
        """Appends a record; returns where its header is."""
        if SECTOR - len(self.data) % SECTOR < HEADER:
            self.data.extend(bytes(SECTOR - len(self.data) % SECTOR))
        offset = len(self.data)
        body = bytearray()
        for byte in payload:
            if (offset + HEADER + len(body)) % SECTOR == 0:
                body.append(MARKER)
            body.append(byte)
        body.extend(bytes(-len(body) % 8))
        header = struct.pack(">HBBIQQIII", 0xD1B4, kind, 0, len(payload), term, index, self.durable, self.previous,
                             crc32c(body, self.salt))
        self.previous = crc32c(header, self.salt)
        self.data += header + struct.pack(">I", self.previous) + body
        return offset

    def synchronized(self):
        """What follows says that all of this was durable."""
        self.durable = len(self.data)

    def close(self):
        """Writes the file. Returns the offset where the next record would go."""
        end = len(self.data)
        if SECTOR - end % SECTOR < HEADER:
            end += SECTOR - end % SECTOR
        self.log.previous = (end, self.previous)
        with open(self.path, "wb") as file:
            file.write(bytes(self.data).ljust(self.length, b"\0"))
        return end
