"""The image, without a Docker to build it: what its Dockerfile promises, and that what it copies is enough to start."""

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import httpx2
import pytest

from tests.support import ROOT, free_port, wait_until

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
COPIED = [name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()]
VARIABLES = dict(re.findall(r"\b([A-Z_]+)=(\S*)", " ".join(re.findall(r"^ENV (.+)$", STAGES[-1], re.MULTILINE))))


def instruction(name: str) -> str:
    [found] = re.findall(rf"^{name} (.+)$", STAGES[-1], re.MULTILINE)
    return str(found)


def test_hadolint_finds_nothing() -> None:
    command = [Path(sys.executable).parent / "hadolint", ROOT / "deploy" / "Dockerfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    first, *lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert first == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(COPIED)
    for secret in (".env", "data/local.env", "deploy/secrets/SECRET_KEY"):
        assert not any(fnmatch(secret, f"{line[1:]}*") for line in lines if line.startswith("!"))


def test_packages_are_those_of_the_lock() -> None:
    assert "--require-hashes --requirement requirements-deploy.txt" in re.sub(" +", " ", STAGES[0])
    assert {stage.split()[0] for stage in STAGES} == {"python:3.13-slim-trixie"}


def test_nobody_is_root_and_no_compiler_is_left() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instruction("USER"))
    assert "apt-get" not in DOCKERFILE
    assert "pip" not in STAGES[-1]


@pytest.mark.parametrize("name", ["CMD", "HEALTHCHECK"])
def test_commands_need_no_shell(name: str) -> None:
    words = json.loads(re.sub("^.*?CMD ", "", instruction(name)) if name == "HEALTHCHECK" else instruction(name))
    assert shutil.which(words[0]) or (ROOT / words[0]).exists()


@pytest.mark.slow
def test_what_is_copied_is_all_that_a_start_needs(tmp_path: Path) -> None:
    image, data = tmp_path / "image", tmp_path / "data"
    image.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, image / name)
    secrets = tmp_path / "secrets"
    subprocess.run([ROOT / "deploy" / "secrets.sh", secrets], check=True, capture_output=True)
    (secrets / "DATABASE_URL").write_text(f"sqlite:///{data}/larder.db")

    port = free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = VARIABLES | {"PATH": path, "PORT": f"{port}", "DATA_DIR": f"{data}", "SECRETS_DIR": f"{secrets}"}
    command = json.loads(instruction("CMD"))
    health = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    process = subprocess.Popen(command, cwd=image, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, seconds=30)
        assert subprocess.run(health, env=environment, check=False).returncode == 0
        assert httpx2.get(f"http://127.0.0.1:{port}/api/v1/recipes", trust_env=False).status_code == 200
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(json.loads(line) for line in said.splitlines())
    assert subprocess.run(health, env=environment, check=False, stderr=subprocess.DEVNULL).returncode != 0


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False
