"""The files that operators copy: complete, and valid as they are shipped."""

import re
import subprocess

import pytest
from proxies import DEPLOY, open_variant
from stack import BINARY

pytestmark = pytest.mark.shows("files")


def test_the_shipped_configuration_of_tollgate_is_valid(proxy):
    command = [BINARY, "validate", "--config", str(DEPLOY / proxy.folder / "tollgate.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_every_address_that_is_to_be_replaced_stands_in_the_files(proxy):
    texts = [(DEPLOY / proxy.folder / name).read_text() for name in proxy.files]
    for address in proxy.addresses:
        assert any(address in text for text in texts), address
        # The head of a file tells the operator about it.
        assert any(re.search(rf"^# .*{re.escape(address)}", text, re.MULTILINE) for text in texts), address


def test_failing_open_is_what_the_head_of_the_file_says(proxy):
    text = (DEPLOY / proxy.folder / proxy.files[0]).read_text()
    command = re.search(r"^#   (sed -i .*)$", text, re.MULTILINE).group(1)
    script = re.search(r"-e '(.*?)' -e '(.*?)'", command)
    assert script.groups() == ("s/#open //", "/#closed$/d")
    for name in proxy.files:
        shipped = (DEPLOY / proxy.folder / name).read_text()
        done = subprocess.run(
            ["sed", "-e", script[1], "-e", script[2]], input=shipped, capture_output=True, text=True, check=True
        )
        assert done.stdout == open_variant(shipped)
