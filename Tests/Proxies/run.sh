#!/bin/sh
# Runs nginx, Caddy, Traefik, HAProxy and Envoy with the configurations of deploy/ before Tollgate and a site.
#
#   run.sh [PYTEST-ARGUMENT…]      all tests, or those that pytest's arguments choose: run.sh -k 'nginx and not down'
#
# TOLLGATE_BINARY=PATH names the gateway (default: tollgate in PATH). What is missing is installed: nginx, Caddy, HAProxy and
# Chromium from the distribution, whose services are not started; the others from PyPI into .venv beside this.
set -eu
cd "$(dirname "$0")"

install() {
    command -v apt-get >/dev/null || { echo "run.sh: $* missing, and no apt-get to install it by" >&2; exit 1; }
    echo "run.sh: installing $*" >&2
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update >&2
    # policy-rc.d says no to every start of a service, for as long as this installs; one that is there stays.
    if [ -e /usr/sbin/policy-rc.d ]; then
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2
    else
        trap '$as_root rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' | $as_root tee /usr/sbin/policy-rc.d >/dev/null
        $as_root chmod +x /usr/sbin/policy-rc.d
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2
        $as_root rm -f /usr/sbin/policy-rc.d
        trap - EXIT
    fi
}

PATH=$PATH:/usr/sbin
missing=""
command -v nginx >/dev/null || missing="$missing nginx-light"
command -v caddy >/dev/null || missing="$missing caddy"
command -v haproxy >/dev/null || missing="$missing haproxy"
[ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || missing="$missing chromium"
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3 python3-venv"
# shellcheck disable=SC2086 # a list of words is meant
[ -z "$missing" ] || install $missing

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
