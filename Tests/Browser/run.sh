#!/bin/sh
# Runs the tests of the challenge page in a headless Chromium.
#
#   run.sh [PYTEST-ARGUMENT…]      all tests, or those that pytest's arguments choose
#   run.sh measure [ARGUMENT…]     measures the browser's solver instead (see measure.py)
#   run.sh screenshots FOLDER      makes pictures of the page to look at (see screenshots.py)
#
# TOLLGATE_BINARY=PATH lets the tests that can do so meet that gateway; without it they meet the stub beside them.
# What is missing is installed: Chromium and fonts from the distribution, the rest from PyPI into .venv beside this.
set -eu
cd "$(dirname "$0")"

# chromium-driver is for those who drive the browser by WebDriver; Playwright speaks to Chromium itself.
[ -n "${CHROMIUM:-}" ] || ../install-packages.sh chromium=chromium chromium=chromium-driver
# Without them, Japanese, Chinese and Arabic would be boxes.
../install-packages.sh fc-list=fontconfig
for language in ja zh-tw ar; do
    [ -n "$(fc-list ":lang=$language")" ] && continue
    ../install-packages.sh -=fonts-noto-cjk -=fonts-noto-core
    break
done
../python-environment.sh

export PYTHONDONTWRITEBYTECODE=1
case "${1:-}" in
    measure | screenshots)
        program=$1.py
        shift
        exec .venv/bin/python "$program" "$@" ;;
esac
# Three to four minutes on two cores; a browser that hangs must not hang what calls this.
exec timeout -k 10 1200 .venv/bin/python -m pytest -q "$@"
