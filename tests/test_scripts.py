"""run.sh and the set-up it shares with test.sh, as a person meets them: on a machine that has only Python."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT, free_port

SET_UP = "set -euo pipefail; source ./.setup.sh; set_up requirements.txt"
UNKNOWN = f"no-such-package==1 --hash=sha256:{'0' * 64}\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone, in a directory with a space in its name, that needs no package and so no network."""
    directory = tmp_path / "a clone"
    directory.mkdir()
    shutil.copy(ROOT / ".setup.sh", directory)
    (directory / "requirements.txt").touch()
    return directory


def bare(**variables: str) -> dict[str, str]:
    """The environment of somebody who has set nothing, in an empty home."""
    python = Path(sys.executable).resolve().parent
    return {"HOME": "/nonexistent", "PATH": f"{python}:/usr/bin:/bin", "PIP_NO_INDEX": "1", **variables}


def set_up(clone: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", "-c", SET_UP, "run.sh"],
        cwd=clone,
        env=bare(**variables),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and what it said."""
    _, said = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.slow
def test_set_up_is_done_once_until_the_requirements_change(clone: Path) -> None:
    status, said = ended(set_up(clone))
    assert status == 0
    assert said.startswith("Setting up .venv with Python 3.")
    assert ended(set_up(clone)) == (0, "")
    (clone / "requirements.txt").write_text("# changed\n")
    assert "Setting up" in ended(set_up(clone))[1]


@pytest.mark.slow
def test_set_up_that_failed_is_done_again(clone: Path) -> None:
    (clone / "requirements.txt").write_text(UNKNOWN)
    status, said = ended(set_up(clone))
    assert status == 1
    assert said.splitlines()[-1] == "run.sh: pip could not install requirements.txt; see above, then try again"
    (clone / "requirements.txt").write_text("")
    assert ended(set_up(clone))[0] == 0


@pytest.mark.slow
def test_set_up_that_was_killed_is_done_again(clone: Path) -> None:
    first = set_up(clone)
    while not (clone / ".venv" / "pyvenv.cfg").exists():
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    status, said = ended(set_up(clone))
    assert status == 0
    assert "Setting up" in said
    assert ended(set_up(clone)) == (0, "")


@pytest.mark.slow
def test_two_at_once_set_up_once(clone: Path) -> None:
    said = [ended(process) for process in (set_up(clone), set_up(clone))]
    assert [status for status, _ in said] == [0, 0]
    assert "".join(text for _, text in said).count("Setting up") == 1


@pytest.mark.parametrize("variables", [{"PYTHON": "/usr/bin/false"}, {"PATH": "/nonexistent"}])
def test_no_usable_python_is_said_in_one_line(clone: Path, variables: dict[str, str]) -> None:
    bash = shutil.which("bash")
    assert bash
    process = subprocess.run(
        [bash, "-c", SET_UP, "run.sh"], cwd=clone, env=bare(**variables), capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert process.stderr.startswith("run.sh: needs Python 3.11 or newer with its venv module")


set_up_here = pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="run.sh would first set up a .venv of its own: use test.sh"
)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """run.sh from another directory, without a setting but where to put what it makes; and its address."""
    port = free_port()
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    environment = bare(PORT=str(port), DATA_DIR=str(tmp_path / "data"), ENV_FILE="", **coverage)
    process = subprocess.Popen(
        [ROOT / "run.sh"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process, f"http://127.0.0.1:{port}"
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # with its workers, or their ends of the pipe would be waited for
        process.communicate()


@set_up_here
def test_run_serves_with_no_setting_at_all(running: tuple[subprocess.Popen[str], str]) -> None:
    process, url = running
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/api/v1/recipes") as answer:
                assert b"Chicken Vesuvio" in answer.read()
            break
        except urllib.error.URLError:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.count("The first superuser is admin@example.com, with the password ") == 1


@set_up_here
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"ENVIRONMENT": "production"}, "SECRET_KEY must be set"),
        ({"ENVIRONMENT": "production", "SECRET_KEY": "short-and-secret"}, "must be at least 32 bytes long"),
        ({"PORT": "none"}, "PORT"),
        ({"DATABASE_URL": "postgres://ann:hush@127.0.0.1:1/larder", "DATABASE_WAIT": "0.5"}, "DATABASE_URL"),
    ],
    ids=["no secrets", "short key", "no port", "no database"],
)
def test_run_says_in_one_line_why_it_does_not_start(tmp_path: Path, variables: dict[str, str], reason: str) -> None:
    environment = bare(DATA_DIR=str(tmp_path), ENV_FILE="", **variables)
    process = subprocess.run(
        [ROOT / "run.sh"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1
    assert process.stderr.startswith("Larder cannot start: ")
    assert reason in process.stderr
    assert "hush" not in process.stderr
    assert "short-and-secret" not in process.stderr
