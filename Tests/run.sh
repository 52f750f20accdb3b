#!/usr/bin/env bash
# Runs every test: formatting, the pure modules, the gateway, the program over real sockets, a real browser, real
# proxies, and what it is installed by.
#
#   Tests/run.sh [--soak [SECONDS]] [--upgrade] [--sanitizers] [--only PART]...
#
# PART is one of: format cores simulator gateway end-to-end browser proxies release deploy. Without --only all of them run, in this order.
# Three more parts run only where they are asked for: alone as --only soak, --only upgrade or --only sanitizers, beside the
# others as
# --soak: a mixed load over SECONDS that must not make the program grow, by default over 600 for one node and 900 for a cluster,
# whose nodes are killed and whose members change meanwhile;
# --upgrade: nodes of the former release (Tests/Upgrade/former-release) and of this one in one cluster. Building it takes minutes, once;
# --sanitizers: the pure modules' tests, and those that cross event loops, under AddressSanitizer with its search for leaks,
# and under ThreadSanitizer. Each builds all once more, into .build-address and .build-thread.
# TOLLGATE_CLUSTER_ROUNDS, _REQUESTS, _SOLUTIONS and _GENESES make the tests of clusters (Tests/EndToEnd/test_cluster_*.py)
# longer. As root they cut the ways between nodes in network namespaces of their own; else, or with TOLLGATE_NETWORK=relays,
# by relays on loopback.
#
# Installs what it needs (Debian packages; Python packages into .venv beside the tests) and stops whatever it starts.
set -euo pipefail
cd "$(dirname "$0")/.."

soak=""
upgrade=""
sanitizers=""
parts=""
while [ $# -gt 0 ]; do
    case "$1" in
        --soak)
            soak=default
            case "${2:-}" in '' | -*) ;; *) soak=$2; shift ;; esac
            shift ;;
        --upgrade) upgrade=yes; shift ;;
        --sanitizers) sanitizers=yes; shift ;;
        --only) parts="$parts ${2:?--only needs a part}"; shift 2 ;;
        -h | --help) sed -n '2,21s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "run.sh: unknown argument '$1'; see --help" >&2; exit 64 ;;
    esac
done
[ -n "$parts" ] || parts="format cores simulator gateway end-to-end browser proxies release deploy"
for part in ${soak:+soak} ${upgrade:+upgrade} ${sanitizers:+sanitizers}; do
    case " $parts " in *" $part "*) ;; *) parts="$parts $part" ;; esac
done

started=$SECONDS
say() { printf '\n== [%4d s] %s\n' "$((SECONDS - started))" "$*"; }

# A crash in a test must end it at once: the backtracer can take minutes.
export SWIFT_BACKTRACE=enable=no
# The tests of the pure modules have a build of their own.
export TOLLGATE_GATEWAY=1

. deploy/install-libraries.sh
if ! command -v python3 >/dev/null; then
    echo "== installing python3"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq python3 python3-venv
fi
say "swift: $(swift --version 2>/dev/null | head -1)"

part_format() {
    say "format: swift format lint --strict"
    swift format lint --strict --parallel --recursive Package.swift Sources Tests
}

part_cores() {
    say "cores: the pure modules and their tests, without SwiftNIO"
    TOLLGATE_CORES=1 swift test --scratch-path .build-cores
    say "vectors: an independent generator agrees with the files"
    python3 Tests/Vectors/generate.py --check
}

part_simulator() {
    say "simulator: a share of the seeds that a release must pass (10,000 of each), and of the faults that must be found"
    Tests/Teeth/run.sh --clean 300 --sample 2
}

part_gateway() {
    say "gateway: building everything in debug mode, then the unit tests of what needs SwiftNIO"
    swift build --build-tests
    swift test --skip-build --filter '^(GatewayTests|AdminTests|RaftTransportTests|CertificatesTests)\.'
    # Many clusters at once leave others little of the machine: they have it to themselves.
    swift test --skip-build --filter '^ClusterTests\.'
}

part_sanitizers() {
    export LSAN_OPTIONS="suppressions='$PWD/Tests/Sanitizers/leaks.txt':print_suppressions=0"
    export TSAN_OPTIONS="suppressions='$PWD/Tests/Sanitizers/races.txt'"
    for sanitizer in address thread; do
        say "sanitizers: the pure modules, $sanitizer"
        # Optimized, or the simulations would take hours; testable, which what is optimized is not by itself. Without
        # AllocationTests: they leave the process no memory, and a sanitizer needs some.
        TOLLGATE_CORES=1 swift test -c release -Xswiftc -enable-testing --sanitize "$sanitizer" \
            --scratch-path ".build-$sanitizer/cores" --skip AllocationTests
        say "sanitizers: what crosses event loops, $sanitizer"
        # One after the other: of many clusters at once, ThreadSanitizer makes each too slow to find a majority in time.
        swift test --sanitize "$sanitizer" --scratch-path ".build-$sanitizer/all" --no-parallel \
            --filter '^(GatewayTests|RaftTransportTests|ClusterTests)\.'
    done
}

# Whatever runs the program runs it as it is installed.
release_binary=""
build_release() {
    if [ -z "$release_binary" ]; then
        say "building the program as it is installed"
        deploy/quickstart.sh --build-only
        release_binary=$(swift build -c release --product tollgate --static-swift-stdlib --show-bin-path)/tollgate
    fi
    export TOLLGATE_BINARY="$release_binary"
}

part_end_to_end() {
    say "end-to-end: the program over real sockets"
    # The recipes of the documentation use them.
    Tests/install-packages.sh curl=curl jq=jq git=git nginx=nginx-light openssl=openssl
    build_release
    # Most of the time they wait for one another's answers: several modules run at once, each with its own ports and folders.
    logs=$(mktemp -d)
    export logs
    # Those that take longest begin first, so that nothing waits for one of them at the end.
    # shellcheck disable=SC2016
    if ! (cd Tests/EndToEnd && printf '%s\n' test_cluster_*.py test_demo.py test_*.py) | awk '!seen[$0]++' |
        xargs -P 3 -I MODULE sh -c '
        python3 -m unittest discover -s Tests/EndToEnd -p MODULE -v >"$logs/MODULE" 2>&1
        status=$?
        if [ $status = 0 ]; then
            echo "MODULE: $(grep -m1 "^Ran " "$logs/MODULE")"
        else
            cat "$logs/MODULE"
        fi
        exit $status'
    then
        rm -r "$logs"
        return 1
    fi
    rm -r "$logs"
}

part_soak() {
    build_release
    [ "$soak" != default ] || soak=""
    say "soak: ${soak:-600} seconds of mixed load"
    TOLLGATE_SOAK=${soak:-600} python3 -m unittest discover -s Tests/EndToEnd -p 'test_soak.py' -v
    say "soak: ${soak:-900} seconds of mixed load on a cluster, whose nodes are killed, replaced and removed"
    TOLLGATE_SOAK=${soak:-900} python3 -m unittest discover -s Tests/EndToEnd -p 'test_cluster_soak.py' -v
}

part_upgrade() {
    say "upgrade: building the former release"
    TOLLGATE_FORMER=$(Tests/Upgrade/build-former.sh)
    export TOLLGATE_FORMER
    build_release
    say "upgrade: two releases in one cluster"
    python3 -m unittest discover -s Tests/EndToEnd -p 'test_cluster_upgrade.py' -v
}

part_browser() {
    say "browser: the challenge page in a headless Chromium"
    build_release
    Tests/Browser/run.sh
}

part_proxies() {
    say "proxies: nginx, Caddy, Traefik, HAProxy and Envoy with the configurations of deploy/"
    build_release
    Tests/Proxies/run.sh
}

part_release() {
    say "release: the program as it is installed, and what it needs to run"
    build_release
    Tests/check-release.sh "$release_binary"
    say "release: the demo of three nodes, as the quickstart starts it"
    TOLLGATE_QUICKSTART=1 python3 -m unittest discover -s Tests/EndToEnd -p test_demo.py -v
}

part_deploy() {
    say "deploy: the systemd unit, the package, the manifests, the container file, alerts and dashboard"
    build_release
    Tests/Deploy/run.sh
}

for part in $parts; do
    case "$part" in
        format | cores | simulator | gateway | browser | proxies | release | deploy | soak | upgrade | sanitizers) "part_$part" ;;
        end-to-end) part_end_to_end ;;
        *) echo "run.sh: no part '$part'; see --help" >&2; exit 64 ;;
    esac
done
say "all passed:$parts"
