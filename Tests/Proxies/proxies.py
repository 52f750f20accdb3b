"""The proxies under test: the files of `deploy/` that an operator copies, the addresses in them, and how each is run."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# Where pip puts the programs of requirements.txt.
PIP = pathlib.Path(sys.executable).parent


@dataclass(frozen=True)
class Ports:
    """Of one stack, on loopback."""

    front: int  # the proxy
    question: int  # where the proxy asks: a relay, behind which Tollgate listens
    inner: int  # a second address of Traefik and HAProxy
    site: int
    tollgate: int
    probes: int


@dataclass(frozen=True)
class Proxy:
    """One program with its configuration, and what it can do of what Proxies.md says."""

    name: str
    folder: str
    program: str
    files: tuple[str, ...]
    version: tuple[str, ...]
    # What is replaced in the files besides addresses.
    addresses: dict[str, str]
    arguments: tuple[str, ...]
    # Hands a form on to the page, which posts it again.
    replays_forms: bool = True
    # Tells the client its pass, its limits and the request's id.
    tells_client: bool = True
    # Takes our cookies out of what the site sees; the second one while it fails open.
    strips_cookies: bool = True
    strips_cookies_open: bool = True
    # Statuses while Tollgate is down, or hangs.
    closed_statuses: tuple[int, ...] = (503,)
    # Passes a query with a semicolon on as it is.
    keeps_semicolons: bool = True

    def prepare(self, target: pathlib.Path, ports: Ports, fail_open: bool) -> list[str]:
        """Writes the files with a stack's addresses into a folder; the command that runs them."""
        for name in self.files:
            text = (DEPLOY / self.folder / name).read_text()
            if fail_open:
                text = open_variant(text)
            values = {key: value.format(p=ports, dir=target) for key, value in self.addresses.items()}
            (target / name).write_text(substitute(text, values))
        for name, text in WRAPPERS.get(self.folder, {}).items():
            (target / name).write_text(text.replace("DIR", str(target)))
        return [self.executable(), *(each.format(dir=target) for each in self.arguments)]

    def executable(self) -> str:
        found = str(PIP / self.program[4:]) if self.program.startswith("pip:") else shutil.which(self.program, path=PATH)
        assert found and os.path.exists(found), f"{self.program} is missing; Tests/Proxies/run.sh installs it"
        return found

    def version_text(self) -> str:
        said = subprocess.run([self.executable(), *self.version], capture_output=True, text=True, timeout=60)
        return re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr).group(0)


PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin"


def open_variant(text: str) -> str:
    """What the heads of the files say: sed -e 's/#open //' -e '/#closed$/d'."""
    lines = [line for line in text.split("\n") if not line.endswith("#closed")]
    return "\n".join(line.replace("#open ", "", 1) for line in lines)


def substitute(text: str, values: dict[str, str]) -> str:
    """Replaces each of the strings that stand in the text; in one pass, and no address that only begins like one."""
    pattern = "|".join(re.escape(key) for key in sorted(values, key=len, reverse=True))
    return re.sub(f"(?:{pattern})(?![0-9])", lambda match: values[match.group(0)], text)


# What surrounds the files, where an operator's system has it.
WRAPPERS = {
    "nginx": {
        "nginx.conf": """daemon off; user root; worker_processes 1; pid DIR/nginx.pid; error_log stderr warn;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
    include DIR/tollgate.conf;
}
"""
    },
    "caddy": {"Caddyfile": "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\nimport DIR/tollgate.caddy\n"},
}
BEHIND = {"127.0.0.1:8081": "127.0.0.1:{p.question}", "127.0.0.1:3000": "127.0.0.1:{p.site}"}
INNER = {"127.0.0.1:8082": "127.0.0.1:{p.inner}"}
PLAIN = BEHIND | {"0.0.0.0:8080": "127.0.0.1:{p.front}"}
CADDY = dict(
    folder="caddy",
    files=("tollgate.caddy",),
    version=("version",),
    addresses=BEHIND | {":8080": ":{p.front}"},
    arguments=("run", "--adapter", "caddyfile", "--config", "{dir}/Caddyfile"),
)
PROXIES = [
    Proxy(
        name="nginx",
        folder="nginx",
        program="nginx",
        files=("tollgate.conf",),
        version=("-v",),
        addresses=PLAIN,
        arguments=("-p", "{dir}", "-e", "stderr", "-c", "{dir}/nginx.conf"),
    ),
    Proxy(name="caddy-debian", program="caddy", **CADDY),
    Proxy(name="caddy", program="pip:caddy", **CADDY),
    Proxy(
        name="traefik",
        folder="traefik",
        program="pip:traefik",
        files=("traefik.yaml", "dynamic.yaml"),
        version=("version",),
        addresses=PLAIN | INNER | {"/etc/traefik/dynamic.yaml": "{dir}/dynamic.yaml"},
        arguments=("--configfile={dir}/traefik.yaml",),
        replays_forms=False,
        tells_client=False,
        strips_cookies_open=False,
        closed_statuses=(502, 504),
        keeps_semicolons=False,
    ),
    Proxy(
        name="haproxy",
        folder="haproxy",
        program="haproxy",
        files=("tollgate.cfg", "tollgate.lua"),
        version=("-v",),
        addresses=PLAIN | INNER | {"/etc/haproxy/tollgate.lua": "{dir}/tollgate.lua"},
        arguments=("-db", "-f", "{dir}/tollgate.cfg"),
    ),
    Proxy(
        name="envoy",
        folder="envoy",
        program="pip:envoy",
        files=("envoy.yaml",),
        version=("--version",),
        addresses={
            "address: 0.0.0.0, port_value: 8080": "address: 127.0.0.1, port_value: {p.front}",
            "address: 127.0.0.1, port_value: 8081": "address: 127.0.0.1, port_value: {p.question}",
            "address: 127.0.0.1, port_value: 3000": "address: 127.0.0.1, port_value: {p.site}",
        },
        arguments=("-c", "{dir}/envoy.yaml", "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"),
        replays_forms=False,
    ),
]
