#!/bin/sh
# Runs nginx, Caddy, Traefik, HAProxy and Envoy with the configurations of deploy/ before Tollgate and a site.
#
#   run.sh [PYTEST-ARGUMENT…]      all tests, or those that pytest's arguments choose: run.sh -k 'nginx and not down'
#
# TOLLGATE_BINARY=PATH names the gateway (default: tollgate in PATH). What is missing is installed: nginx, Caddy, HAProxy and
# Chromium from the distribution, whose services are not started; the others from PyPI into .venv beside this.
set -eu
cd "$(dirname "$0")"

# Where nginx and haproxy are.
PATH=$PATH:/usr/sbin
../install-packages.sh nginx=nginx-light caddy=caddy haproxy=haproxy
[ -n "${CHROMIUM:-}" ] || ../install-packages.sh chromium=chromium
python3 -c 'import ensurepip, venv' 2>/dev/null || ../install-packages.sh -=python3-venv

# The environment is made anew when the list of what it holds has changed.
if ! cmp -s requirements.txt .venv/installed.txt; then
    echo "run.sh: installing $(tr '\n' ' ' <requirements.txt)into Tests/Proxies/.venv" >&2
    python3 -m venv --clear .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt >&2
    cp requirements.txt .venv/installed.txt
fi

export PYTHONDONTWRITEBYTECODE=1
# Some minutes on two busy cores; a proxy that hangs must not hang what calls this.
exec timeout -k 10 1200 .venv/bin/python -m pytest -q "$@"
