"""What the README shows to be typed works, in a shell, on a service as its first start leaves it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.own_service import own_service

SHOWN = re.compile(r"^## (?:Use it|What every resource can do)\n.*?(?=^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_commands_of_the_readme_succeed(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    blocks = [block for section in SHOWN.findall((ROOT / "README.md").read_text()) for block in BLOCK.findall(section)]
    assert len(blocks) == 2
    with own_service(f"sqlite:///{tmp_path}/larder.db", DATA_DIR=tmp_path) as service:
        script = "\n".join(blocks).replace("localhost:8000", f"localhost:{service.port}")
        script = script.replace("curl -s", "curl -sS --fail-with-body")
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"dry_run":true' in done.stdout
