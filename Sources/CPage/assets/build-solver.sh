#!/bin/sh
# Builds solver.wasm and scalar.wasm from solver.c, with the clang and wasm-ld that come with Swift: the same bytes wherever
# it is run. The results are committed; Tests/Browser compares them with a fresh build.
#
#   build-solver.sh [FOLDER]     FOLDER, where both are put, defaults to that of this script
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(cd "${1:-$here}" && pwd)

# The clang beside `swift`, where there is one: a distribution's clang may be of another version, and emit other bytes.
clang=clang
if swift=$(command -v swift); then
    beside=$(dirname "$(readlink -f "$swift")")
    [ ! -x "$beside/clang" ] || clang=$beside/clang
fi

# 64 KiB of memory hold the few tables and a small stack; it never grows. The source is named relatively, so that no path
# of this machine can enter the output.
cd "$here"
build() {
    name=$1
    shift
    "$clang" --target=wasm32-unknown-unknown -std=gnu2x -O3 "$@" \
        -ffreestanding -nostdlib -fno-ident -Wall -Wextra -Werror \
        -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=16384 -Wl,--initial-memory=65536 -Wl,--max-memory=65536 \
        solver.c -o "$output/$name"
}
build solver.wasm -msimd128 -mbulk-memory
# For browsers without SIMD, which may be as old as WebAssembly: nothing that came after its first version.
build scalar.wasm -mcpu=mvp -DTOLLGATE_SCALAR
