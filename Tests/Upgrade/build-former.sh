#!/usr/bin/env bash
# Builds the former release that Tests/Upgrade/former-release names, from this repository's own history, and prints where
# its program is.
#
# Sources and build stay in .build-former/COMMIT: it takes minutes once, and a second from then on.
set -euo pipefail
cd "$(dirname "$0")/../.."

commit=$(grep -v '^#' Tests/Upgrade/former-release)
if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then
    echo "build-former.sh: the former release, commit $commit, is not in this checkout. Its whole history is needed:" \
        "git fetch --unshallow, or a clone without --depth." >&2
    exit 1
fi

folder=$PWD/.build-former/$commit
if [ ! -d "$folder/source" ]; then
    rm -rf "$folder/source.part"
    mkdir -p "$folder/source.part"
    git archive "$commit" | tar -x -C "$folder/source.part"
    mv "$folder/source.part" "$folder/source"
fi
build=(swift build --package-path "$folder/source" --scratch-path "$folder/build" --product tollgate)
"${build[@]}" >&2
echo "$("${build[@]}" --show-bin-path)/tollgate"
