#!/bin/sh
# Stands in for `swift` where the image is built by the tests: takes the calls of the container file, each with the files that it needs,
# and hands out the program that was built before.
set -eu
case "$*" in
    "package resolve")
        test -e Package.swift
        test ! -e Sources ;;
    "build -c release --product tollgate --static-swift-stdlib")
        for target in tollgate CPage CSolver; do test -d "Sources/$target"; done
        test -d Tests/WireTests
        test ! -e Tests/Deploy/.venv
        install -D -m 755 /built/tollgate .build/release/tollgate ;;
    *)
        echo "swift was not expected to be called with: $*" >&2
        exit 1 ;;
esac
