#!/bin/sh
# Builds solver.wasm from solver.c, with the clang and wasm-ld that come with Swift: the same bytes wherever it is run.
# The result is committed; Tests/Browser compares it with a fresh build.
#
#   build-solver.sh [OUTPUT [FLAG…]]     OUTPUT defaults to solver.wasm beside this script; FLAGs go to clang
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=${1:-$here/solver.wasm}
[ $# -eq 0 ] || shift

# The clang beside `swift`, where there is one: a distribution's clang may be of another version, and emit other bytes.
clang=clang
if swift=$(command -v swift); then
    beside=$(dirname "$(readlink -f "$swift")")
    [ ! -x "$beside/clang" ] || clang=$beside/clang
fi

# 64 KiB of memory hold the few tables and a small stack; it never grows. The source is named relatively, so that no path
# of this machine can enter the output.
cd "$here"
exec "$clang" --target=wasm32-unknown-unknown -std=gnu2x -O3 -msimd128 -mbulk-memory \
    -ffreestanding -nostdlib -fno-ident -Wall -Wextra -Werror \
    -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=16384 -Wl,--initial-memory=65536 -Wl,--max-memory=65536 \
    "$@" solver.c -o "$output"
