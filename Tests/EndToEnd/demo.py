"""`tollgate demo` as a newcomer starts it, and what it prints.

    demo = Demo("--nodes", "3").start()      # tests stop it again; see `stop`
    demo.gateways                            # where they are, each with a `name` and an `address`
    demo.commands                            # what it gives to try in a shell, by its number
    demo.probes                              # addresses
    demo.folders()                           # the temporary folders that there are of it
    demo.stop(signal.SIGINT)                 # its exit code

TOLLGATE_QUICKSTART=1 has `deploy/quickstart.sh` build and start it instead, as the README tells a newcomer to.
"""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

from harness import BINARY
from operator_case import CLEAN

QUICKSTART = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "quickstart.sh")
COMMAND = [QUICKSTART] if os.environ.get("TOLLGATE_QUICKSTART") else [BINARY, "demo"]
# Bounds that a sound run never comes near, seconds: the quickstart builds the program if need be.
START_TIMEOUT = 1_200 if os.environ.get("TOLLGATE_QUICKSTART") else 60
STOP_TIMEOUT = 30


class GatewayOfDemo:
    def __init__(self, name, host, port):
        self.name = name
        self.address = (host, int(port))


class Demo:
    def __init__(self, *arguments, command=COMMAND):
        self.arguments = [*command, *arguments]
        self.folder = tempfile.mkdtemp(prefix="tollgate-test-")
        self.process = None
        #: What it has said so far, on standard output and standard error, as a terminal shows it.
        self.text = ""

    def launch(self):
        """Without waiting for anything that it says."""
        self.process = subprocess.Popen(
            self.arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**CLEAN, "TMPDIR": self.folder},
        )
        return self

    def start(self):
        self.launch()
        timer = threading.Timer(START_TIMEOUT, self.process.kill)
        timer.start()
        for line in self.process.stdout:
            self.text += line
            if line.startswith("Stop with Ctrl-C"):
                break
        timer.cancel()
        assert "Stop with Ctrl-C" in self.text, f"it has not started: {self.text}"
        introduction = self.text[self.text.index("Tollgate is running at") :]
        told = introduction[: introduction.index("things to try")]
        self.gateways = [
            GatewayOfDemo(name, *address)
            for name, address in zip("abcdefg", re.findall(r"http://([0-9.]+):([0-9]+)/", told))
        ]
        self.commands = {int(number): command for number, command in re.findall(r"(?m)^  ([0-9]+)\. (.*)$", introduction)}
        self.page = re.fullmatch(r"Open (\S+) in a browser: .*", self.commands.pop(1)).group(1)
        self.probes = [
            (host, int(port)) for host, port in re.findall(r"(?m)^Probes.*: http://([0-9.]+):([0-9]+)/healthz", introduction)
        ]
        return self

    def folders(self):
        # The quickstart's build has others.
        return glob.glob(os.path.join(self.folder, "tollgate-*"))

    def stop(self, number=signal.SIGTERM):
        """Ends it by this signal; its exit code. What it has said meanwhile is in `text`."""
        timer = threading.Timer(STOP_TIMEOUT, self.process.kill)
        timer.start()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.text += self.process.stdout.read()
        code = self.process.wait()
        timer.cancel()
        return code

    def close(self):
        """Whatever it does, and whatever is left of it."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
