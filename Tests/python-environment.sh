#!/bin/sh
# Makes the Python environment of the tests in the folder that it is run in: .venv there, with what requirements.txt there lists.
# Where that is so already it does nothing; where the list has changed it is made anew.
set -eu

python3 -c 'import ensurepip, venv' 2>/dev/null || "$(dirname "$0")/install-packages.sh" -=python3-venv
cmp -s requirements.txt .venv/installed.txt && exit 0
echo "run.sh: installing $(tr '\n' ' ' <requirements.txt)into Tests/$(basename "$PWD")/.venv" >&2
python3 -m venv --clear .venv
.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt >&2
cp requirements.txt .venv/installed.txt
