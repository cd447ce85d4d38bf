"""A run of the tests leaves the machine as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_run_and_its_workers_take_their_directories_along(tmp_path: Path) -> None:
    unused = "postgresql://nobody@127.0.0.1:1/nothing"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "TEST_DATABASE_URL": unused}
    command = [sys.executable, "-m", "pytest", "-q", "-n1", "tests/test_docs.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [*tmp_path.glob("larder*")] == []
