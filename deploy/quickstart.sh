#!/usr/bin/env bash
# Builds Tollgate and runs its demo: a gateway on loopback, of one node or several, with a sample site behind it.
#
#   deploy/quickstart.sh [--nodes N] [--port P] [--build-only]
#
# Needs Debian 12 (or a system with the same libraries) and Swift. Installs libssl-dev and libsodium-dev if they are
# missing. Everything else stays in this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

port=8080
nodes=1
build_only=no
while [ $# -gt 0 ]; do
    case "$1" in
        --nodes) nodes=${2:?--nodes needs a number}; shift 2 ;;
        --port) port=${2:?--port needs a number}; shift 2 ;;
        --build-only) build_only=yes; shift ;;
        -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "quickstart: unknown argument '$1'; see --help" >&2; exit 64 ;;
    esac
done

say() { printf '== %s\n' "$*"; }

if ! command -v swift >/dev/null; then
    echo "quickstart: Swift is not installed; see https://www.swift.org/install/linux/" >&2
    exit 1
fi

. deploy/install-libraries.sh

say "building tollgate in release mode (the first build takes some minutes)"
swift build -c release --product tollgate --static-swift-stdlib
binary=$(swift build -c release --product tollgate --static-swift-stdlib --show-bin-path)/tollgate
say "built $binary"
[ "$build_only" = yes ] && exit 0

say "starting the demo"
exec "$binary" demo --nodes "$nodes" --port "$port"
