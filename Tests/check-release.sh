#!/usr/bin/env bash
# Checks that an installed program needs nothing beside it: only Debian's libssl3, libsodium23, libstdc++6 and the C
# library, no Swift runtime, no folder of resources.
#
#   Tests/check-release.sh PATH/TO/tollgate
set -euo pipefail
binary=${1:?the path of the program}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cp "$binary" "$folder/tollgate"
cd "$folder"
echo "needs: $(ldd tollgate | awk '{print $1}' | tr '\n' ' ')"
unexpected=$(ldd tollgate | awk '{print $1}' | sed 's|.*/||' |
    grep -vE '^(linux-vdso\.so\.1|ld-linux-.*|libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libstdc\+\+\.so\.6|libcrypto\.so\.3|libssl\.so\.3|libsodium\.so\.23)$' || true)
if [ -n "$unexpected" ]; then
    echo "check-release: the program also needs: $unexpected" >&2
    exit 1
fi
# An environment without the toolchain: it runs, and the page is in it.
env -i ./tollgate version
page=$(env -i ./tollgate --help | head -1)
[ -n "$page" ]
echo "size: $(stat -c %s tollgate) bytes; nothing beside it is needed"
