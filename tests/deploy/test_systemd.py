"""The units: understood by systemd, confined, and a restart that its socket makes harmless."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from app import gunicorn_conf
from app.core.config import Settings
from tests.support import ROOT, wait_until
from tests.support.service import environment

DIRECTORY = ROOT / "deploy" / "systemd"
UNITS = sorted(path.name for path in DIRECTORY.glob("larder-*.*") if path.is_file())
SERVICES = [name for name in UNITS if name.endswith(".service")]
COMMON = (DIRECTORY / "larder-.service.d" / "common.conf").read_text()
EXPOSURE = 15
"""Tenths; 100 is a service that may do anything."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, of a Larder that is here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    shutil.copytree(DIRECTORY, tmp_path, dirs_exist_ok=True)
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        text = path.read_text().replace("/opt/larder/.venv/bin/python", sys.executable)
        path.write_text(text.replace("/opt/larder", str(ROOT)))
    return tmp_path


def analyze(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], cwd=units, capture_output=True, text=True, check=False)


def test_systemd_understands_the_units(units: Path) -> None:
    done = analyze(units, "verify", *(f"./{name}" for name in UNITS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_confined(units: Path, name: str) -> None:
    done = analyze(units, "security", "--offline=true", f"--threshold={EXPOSURE}", f"./{name}")
    assert done.returncode == 0, done.stdout


def test_settings_are_settings() -> None:
    text = COMMON + "".join((DIRECTORY / name).read_text() for name in SERVICES)
    named = set(re.findall(r"LoadCredential=(\w+):", text))
    for line in re.findall("^Environment=(.*)", text, re.MULTILINE):
        named |= {word.partition("=")[0] for word in line.split()}
    assert named - {"ENV_FILE", "PYTHONDONTWRITEBYTECODE"} <= Settings.model_fields.keys()


def test_stop_takes_longer_than_what_is_under_way() -> None:
    for name in SERVICES:
        for stop in re.findall(r"TimeoutStopSec=(\d+)", (DIRECTORY / name).read_text()):
            assert int(stop) > gunicorn_conf.graceful_timeout, name


def test_socket_is_where_nginx_looks() -> None:
    [address] = re.findall("ListenStream=(.*)", (DIRECTORY / "larder-api.socket").read_text())
    assert f"server {address} " in (ROOT / "deploy" / "nginx" / "upstream.conf").read_text()


# systemd hands the socket over as descriptor 3, and says so to the process of this number. `prctl` is what
# MemoryDenyWriteExecute= amounts to (PR_SET_MDWE, since Linux 6.3): from then on no memory can be made executable.
AS_SYSTEMD_DOES = """
import ctypes, os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", "python:app.gunicorn_conf"])
"""


@contextmanager
def activated(listener: socket.socket, url: str, directory: Path) -> Iterator[None]:
    """The service on a socket that somebody else holds. It has said that it is ready, and is stopped in the end."""
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind(str(directory / "notify"))
    notified.settimeout(30)
    settings = {"DATABASE_URL": url, "WEB_CONCURRENCY": 2, "PORT": 1, "NOTIFY_SOCKET": directory / "notify"}
    process = subprocess.Popen(
        [sys.executable, "-c", AS_SYSTEMD_DOES, str(listener.fileno())],
        cwd=ROOT,
        env=environment(**settings),
        pass_fds=[listener.fileno()],
        start_new_session=True,
    )
    try:
        with notified:
            assert notified.recv(100).startswith(b"READY=1\n")
        (directory / "notify").unlink()
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # with its workers


@pytest.mark.slow
def test_restart_on_a_socket_of_systemd_loses_no_connection(url: str, tmp_path: Path) -> None:
    answers: Counter[object] = Counter()
    over = threading.Event()

    def ask(base: str) -> None:
        while not over.is_set():
            try:
                answer = httpx2.get(f"{base}/api/v1/recipes/1", verify=False, trust_env=False, timeout=30)
            except httpx2.TransportError as error:
                answers[repr(error)] += 1
            else:
                answers[answer.status_code] += 1

    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        askers = [threading.Thread(target=ask, args=[base]) for _ in range(4)]
        try:
            with activated(listener, url, tmp_path):
                for asker in askers:
                    asker.start()
                wait_until(lambda: answers[200] > 20)
            with activated(listener, url, tmp_path):
                before = answers[200]
                wait_until(lambda: answers[200] > before + 20)
                over.set()
                for asker in askers:
                    asker.join()
        finally:
            over.set()
    assert answers.keys() == {200}
