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
../python-environment.sh

export PYTHONDONTWRITEBYTECODE=1
# Some minutes on two busy cores; a proxy that hangs must not hang what calls this.
exec timeout -k 10 1200 .venv/bin/python -m pytest -q "$@"
