"""Reads a systemd unit as far as the tests need it."""

import re

from paths import said


class Unit:
    def __init__(self, path):
        self.settings = {}
        section = None
        for line in path.read_text().splitlines():
            if match := re.fullmatch(r"\[(\w+)\]", line):
                section = match.group(1)
            elif line and not line.startswith("#"):
                name, value = line.split("=", 1)
                self.settings.setdefault((section, name), []).append(value)

    def all(self, section, name):
        return self.settings.get((section, name), [])

    def one(self, section, name):
        (value,) = self.all(section, name)
        return value

    def seconds(self, section, name):
        return int(re.fullmatch(r"(\d+)s", self.one(section, name)).group(1))

    def system_calls(self):
        """The names of the system calls that the service may make."""
        allowed = set()
        for value in self.all("Service", "SystemCallFilter"):
            names = value.removeprefix("~").split()
            calls = {call for name in names for call in (_group(name) if name.startswith("@") else {name})}
            allowed = allowed - calls if value.startswith("~") else allowed | calls
        return allowed


def _group(name):
    """The system calls of a group of systemd's, and of the groups in it."""
    calls = set()
    for entry in (line.strip() for line in said(["systemd-analyze", "syscall-filter", "--no-pager", name]).splitlines()[1:]):
        if entry.startswith("@"):
            calls |= _group(entry)
        elif entry and not entry.startswith("#"):
            calls.add(entry)
    return calls
