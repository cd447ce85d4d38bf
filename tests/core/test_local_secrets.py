"""The secrets of a local start: made once, the same for all, and nobody else's."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.local_secrets import generated_password, local_secrets
from app.core.secret_rules import weakness_of_key, weakness_of_password
from tests.conftest import ROOT


def test_secrets_are_strong_and_stay_the_same(tmp_path: Path) -> None:
    secrets = local_secrets(tmp_path / "new" / "data")
    assert weakness_of_key(secrets["SECRET_KEY"]) is None
    assert weakness_of_password(secrets["FIRST_SUPERUSER_PASSWORD"], "admin@example.com") is None
    assert local_secrets(tmp_path / "new" / "data") == secrets
    assert local_secrets(tmp_path / "other") != secrets


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_only_the_owner_can_read_them(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        (tmp_path / "data").mkdir(0o755, exist_ok=True)
        local_secrets(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "local.env").stat().st_mode) & 0o177 == 0


def test_eight_processes_at_once_get_the_same(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app.core.local_secrets import local_secrets;"
        f"sys.stdin.read(1); print(local_secrets(Path({str(tmp_path / 'data')!r})))"
    )
    command = [sys.executable, "-c", code]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write("go")
        process.stdin.close()
    said = set()
    for process in processes:
        with process:
            assert process.stdout
            said.add(process.stdout.read())
        assert process.returncode == 0
    assert len(said) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["local.env"], "nothing else is left behind"


def test_login_is_known_only_where_it_was_generated(tmp_path: Path) -> None:
    assert generated_password(tmp_path) is None
    assert not list(tmp_path.iterdir())
    secrets = local_secrets(tmp_path)
    assert generated_password(tmp_path) == secrets["FIRST_SUPERUSER_PASSWORD"]
