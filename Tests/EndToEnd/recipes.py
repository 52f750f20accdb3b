"""Runs what the documentation says, as a reader would: block by block, in an empty folder, against the real program.

    Page(path).sections         # each `## ` heading with its blocks; a page whose front says so is one section
    Run(section, folder).play() # raises Wrong where the outcome is not the one that the page promises

How a page is written:

- A block marked `sh` is run, by `bash -eu`. Any other mark (`console`, `text`) is only read.
- A block of another kind whose first line is a comment with a file's name, such as `# tollgate.yaml`, is that file.
- `# -> TEXT` says what the block prints, whole lines in their order, others between them left out; `…` stands for any text.
- A block that begins with `# In a terminal of its own` is left running until the section ends. The lines that it promises
  are waited for.
- `# exit N`: the block ends with this status.
- The ports of the examples stand for free ones, `/run/tollgate` for a folder, and `deploy` for the one of the source.
- A section that holds the comment `<!-- needs: PROGRAM FILE … -->` needs these; where one is missing its test fails and says so.
- The comment `<!-- echo -->` gives the section a service on port 3000 that answers every request with what it was sent, in
  place of the reader's own.
- The comment `<!-- fixed ports -->`: what the section runs listens where the page says; where that is taken, it is skipped.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections import namedtuple

import promtool
from upstream import Upstream

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
DOCUMENTS = os.path.join(ROOT, "Sources", "tollgate", "tollgate.docc")
#: Ports that pages name.
PORTS = ["8080", "8081", "8082", "3000", "9464", "9465", "9466", "7401", "7402", "7403"]
#: Seconds for one block. Only what hangs reaches it.
TIMEOUT = 180
#: Seconds until what is left running has said what it promises.
START_TIMEOUT = 60

Block = namedtuple("Block", "kind text line")
Section = namedtuple("Section", "page title blocks marks needs", defaults=[(), ()])


class Wrong(AssertionError):
    """The page promises something else."""


class Page:
    def __init__(self, path):
        self.name = os.path.basename(path)
        with open(path, encoding="utf-8") as file:
            self.sections = list(self._parse(file.read()))

    def _parse(self, text):
        is_whole = "<!-- one walk -->" in text
        title, blocks, marks, needs = "", [], [], []
        lines = iter(enumerate(text.splitlines(), 1))
        for number, line in lines:
            if line.startswith("## ") and not is_whole:
                yield Section(self.name, title, blocks, marks, needs)
                title, blocks, marks, needs = line[3:], [], [], []
            elif match := re.match(r"<!-- needs: (.*) -->", line):
                needs += match.group(1).split()
            elif match := re.match(r"<!-- (echo|fixed ports) -->", line):
                marks.append(match.group(1))
            elif match := re.match(r"( *)```(\w+)$", line):
                indent, kind = match.groups()
                content = []
                for _, inner in lines:
                    if inner.strip() == "```":
                        break
                    content.append(inner[len(indent) :] if inner.startswith(indent) else inner)
                blocks.append(Block(kind, "\n".join(content) + "\n", number))
        yield Section(self.name, title, blocks, marks, needs)


def has_recipe(section):
    return any(block.kind == "sh" for block in section.blocks)


def free_ports(count):
    """Ports that nobody has now. They are chosen at once, so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def promises(text):
    """The lines that a block promises, as patterns."""
    return [promise(line[5:]) for line in map(str.strip, text.splitlines()) if line.startswith("# -> ")]


def promise(text):
    return re.compile(".*?".join(re.escape(part) for part in text.strip().split("…")) + r"\s*\Z")


def missing(patterns, lines):
    """The first pattern without its line, None if each has one, in this order."""
    rest = iter(lines)
    for pattern in patterns:
        if not any(pattern.match(line.strip()) for line in rest):
            return pattern.pattern
    return None


class Run:
    def __init__(self, section, folder, binary):
        self.section = section
        self.folder = folder
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.running = []
        programs = os.path.join(folder, ".bin")
        os.mkdir(programs)
        os.symlink(os.path.abspath(shutil.which(binary) or binary), os.path.join(programs, "tollgate"))
        if "promtool" in section.needs:
            os.symlink(promtool.path(), os.path.join(programs, "promtool"))
        self.environment = {
            **os.environ,
            "STATE_DIRECTORY": os.path.join(folder, ".state"),
            "PATH": programs + ":" + os.environ["PATH"] + ":/usr/sbin",
            "HOME": folder,
            "PYTHONUNBUFFERED": "1",
            "LC_ALL": "C.UTF-8",
        }
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "TOLLGATE_ADMIN"):
            self.environment.pop(name, None)

    def copy_deploy(self):
        """What the source has under `deploy`, with this run's ports in its configurations."""
        copy = os.path.join(self.folder, "deploy")
        shutil.copytree(os.path.join(ROOT, "deploy"), copy, ignore=shutil.ignore_patterns("__pycache__"))
        for parent, _, names in os.walk(copy):
            for name in names:
                if name.endswith((".yaml", ".conf", ".cfg", ".caddy")):
                    path = os.path.join(parent, name)
                    with open(path, encoding="utf-8") as file:
                        text = self.substituted(file.read())
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)

    def play(self):
        upstream = None
        try:
            if "fixed ports" in self.section.marks:
                self.ports = {}
            if "echo" in self.section.marks:
                upstream = Upstream().start()
                self.ports["3000"] = str(upstream.port)
            self.copy_deploy()
            for block in self.section.blocks:
                self.block(block)
        finally:
            for process in reversed(self.running):
                process.stop()
            if upstream is not None:
                upstream.stop()

    def substituted(self, text):
        text = text.replace("/var/lib/tollgate", os.path.join(self.folder, ".state"))
        text = text.replace("/run/tollgate", os.path.join(self.folder, "run"))
        # Not in a rate, such as 3000/min.
        ports = r"(?<![0-9.])(%s)(?![0-9]|/(?:min|s)\b)" % "|".join(PORTS)
        return re.sub(ports, lambda match: self.ports.get(match.group(1), match.group(1)), text)

    def block(self, block):
        text = self.substituted(block.text)
        first = text.split("\n", 1)[0]
        if block.kind == "sh":
            if first.startswith("# In a terminal of its own"):
                self.running.append(Background(self, text, self.place(block)))
            else:
                self.run(block, text)
        elif match := re.match(r"(?:#|//|<!--) ([\w.-]+\.\w+)(?: -->)?$", first):
            with open(os.path.join(self.folder, match.group(1)), "w", encoding="utf-8") as file:
                file.write(text)

    def place(self, block):
        return f"{self.section.page}:{block.line}"

    def run(self, block, text):
        process = subprocess.Popen(
            ["bash", "-eu", "-c", text], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            output = process.communicate(timeout=TIMEOUT)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Wrong(f"{self.place(block)} does not end:\n{process.communicate()[0].decode()}") from None
        status = int(match.group(1)) if (match := re.search(r"^# exit (\d+)", text, re.MULTILINE)) else 0
        shown = f"\n{text}\nprinted:\n{output}\n{self.transcripts()}"
        if process.returncode != status:
            raise Wrong(f"{self.place(block)} ended with {process.returncode}, not {status}:{shown}")
        lacking = missing(promises(text), output.splitlines())
        if lacking is not None:
            raise Wrong(f"{self.place(block)} did not print {lacking}:{shown}")

    def transcripts(self):
        return "\n".join(f"{process.place} printed:\n" + "\n".join(line[:200] for line in process.lines[-20:]) for process in self.running)


class Background:
    """A block that is left running."""

    def __init__(self, run, text, place):
        self.place = place
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            ["bash", "-eu", "-c", text], cwd=run.folder, env=run.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        patterns = promises(text)
        with self._changed:
            seen = self._changed.wait_for(lambda: self._ended or missing(patterns, self.lines) is None, START_TIMEOUT)
            if not seen or missing(patterns, self.lines) is not None:
                lines = list(self.lines)
                self.stop()
                raise Wrong(f"{place} did not print {missing(patterns, lines)}:\n" + "\n".join(lines))

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self):
        """Ends what the block has started: they are a session of their own."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(10)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()
        self._reader.join(10)
        self.process.stdout.close()
