#!/bin/sh
# Checks what Tollgate is installed by: the systemd unit, the Debian package, the container file, the manifests for
# Kubernetes, the alert rules and the dashboard.
#
#   run.sh [PYTEST-ARGUMENT…]      all tests, or those that pytest's arguments choose: run.sh -k package
#
# TOLLGATE_BINARY=PATH names the program as it is installed, linked with --static-swift-stdlib. What is missing is
# installed: Debian packages, whose services are not started; the rest from PyPI into .venv beside this.
set -eu
cd "$(dirname "$0")"

PATH=$PATH:/usr/sbin
../install-packages.sh systemd-analyze=systemd dpkg-shlibdeps=dpkg-dev strip=binutils lintian=lintian adduser=adduser \
    deb-systemd-helper=init-system-helpers man=man-db buildah=buildah ps=procps ip=iproute2 curl=curl
../python-environment.sh

export PYTHONDONTWRITEBYTECODE=1
# Some minutes on two busy cores; a tool that hangs must not hang what calls this.
exec timeout -k 10 1200 .venv/bin/python -m pytest -q "$@"
