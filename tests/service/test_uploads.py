"""Uploads to the service as production runs it: cut off, killed, without room, and many at once."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import create_engine, text

from tests.support import ROOT, wait_until
from tests.support.media import box, mp4, picture
from tests.support.own_service import as_superuser, own_service, prepare
from tests.support.postgres import fresh_database
from tests.support.service import Service, run

pytestmark = pytest.mark.slow

POSTS = "/api/v1/posts"
LARGE = mp4(box(b"mdat", bytes(30 * 1024 * 1024)))
MOST = 60 * 1024 * 1024
"""Bytes that a worker may grow by while eight files of 30 MiB come at once."""


def upload(service: Service, content: bytes) -> httpx2.Response:
    files, data = {"file": ("a.mp4", content)}, {"caption": "Soup"}
    return service.client.post(POSTS, files=files, data=data, headers=as_superuser(), timeout=120)


def stored(directory: Path) -> list[Path]:
    return [path for path in (directory / "posts").glob("*/*") if path.is_file()]


def begun(service: Service, length: str, part: bytes) -> socket.socket:
    """A connection on which an upload has begun."""
    head = f"POST {POSTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {as_superuser()['Authorization']}\r\n"
    head += f"Content-Type: multipart/form-data; boundary=x\r\n{length}\r\n\r\n"
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + part
    connection = socket.create_connection(("127.0.0.1", service.port))
    connection.sendall(head.encode() + form)
    return connection


def test_upload_that_breaks_off_or_lies_leaves_nothing(tmp_path: Path) -> None:
    with own_service(f"sqlite:///{tmp_path}/larder.db", DATA_DIR=tmp_path, UPLOAD_TIMEOUT=1) as service:
        begun(service, "Content-Length: 1000000", picture()[:100]).close()
        with begun(service, "Content-Length: 1000000", picture()[:100]) as late:  # it never sends the rest
            assert b" 408 " in late.recv(4096)
        with begun(service, "Content-Length: 150", picture() + b"\r\n--x--\r\n") as short:
            assert short.recv(4096).startswith(b"HTTP/1.1 4")
        with begun(service, "Content-Length: 99999999999", b"") as long:
            assert b" 413 " in long.recv(4096)
        with begun(service, "Transfer-Encoding: chunked", b"") as junk:
            assert b" 400 " in junk.recv(4096)
        assert service.client.get(POSTS).json()["items"] == []
        assert upload(service, picture()).status_code == 201
        assert len(stored(tmp_path)) >= 1


def test_worker_that_is_killed_between_file_and_row_leaves_what_the_sweep_clears(tmp_path: Path, postgres: str) -> None:
    with fresh_database(postgres) as url, own_service(url, DATA_DIR=tmp_path, JOB_THREADS=0) as service:
        assert upload(service, picture()).status_code == 201
        (kept,) = stored(tmp_path)
        engine = create_engine(url)
        writer = engine.connect()
        writer.execute(text("LOCK TABLE post IN SHARE MODE"))  # so that the row has to wait
        with ThreadPoolExecutor() as threads:
            sent = threads.submit(upload, service, picture("PNG"))
            wait_until(lambda: len([path for path in stored(tmp_path) if path.suffix == ".png"]) == 1)
            for pid in service.worker_pids:
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(httpx2.TransportError):
                sent.result()
        writer.close()
        engine.dispose()
        (left,) = {*stored(tmp_path)} - {kept}

        settings = {"DATABASE_URL": url, "DATA_DIR": tmp_path}
        sweep = [sys.executable, "-m", "app.cli", "sweep"]
        assert run(sweep, **settings).returncode == 0
        assert left.exists(), "its row may be yet to come"
        for path in (left, kept):
            os.utime(path, (0, 0))
        assert run(sweep, **settings).returncode == 0
        assert stored(tmp_path) == [kept]
        wait_until(lambda: service.client.get("/health/live").status_code == 200)


def test_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """A file of that size is what the disk has no room for, as far as the process can tell."""
    url = f"sqlite:///{tmp_path}/larder.db"
    prepare(url)
    with Service(DATABASE_URL=url, DATA_DIR=tmp_path) as service:
        for pid in service.worker_pids:
            subprocess.run(["prlimit", f"--pid={pid}", "--fsize=4000000"], check=True)
        assert upload(service, LARGE).status_code == 507
        assert stored(tmp_path) == []
        assert upload(service, picture()).status_code == 201, "there is room for a small one"


def test_example_of_the_documentation_works(tmp_path: Path) -> None:
    example = re.search(r"```sh\n(.*?)```", (ROOT / "docs/posts.md").read_text(), re.DOTALL)
    assert example
    (tmp_path / "soup.jpg").write_bytes(picture())
    with own_service(f"sqlite:///{tmp_path}/larder.db", DATA_DIR=tmp_path) as service:
        command = example[1].replace("localhost:8000", f"localhost:{service.port}")
        token = as_superuser()["Authorization"].removeprefix("Bearer ")
        env = {**os.environ, "TOKEN": token}
        done = subprocess.run(["bash", "-c", command], check=True, cwd=tmp_path, env=env, capture_output=True)
        assert json.loads(done.stdout)["recipe_id"] == 1


def pss(pid: int) -> int:
    found = re.search(r"Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text())
    assert found
    return int(found[1]) * 1024


def test_many_uploads_at_once_take_little_memory(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/larder.db"
    prepare(url)
    with Service(DATABASE_URL=url, DATA_DIR=tmp_path, JOB_THREADS=0) as service:
        assert upload(service, picture()).status_code == 201
        (pid,) = service.worker_pids
        base = pss(pid)

        async def measure() -> int:
            async def send() -> int:
                return (await asyncio.to_thread(upload, service, LARGE)).status_code

            sent = [asyncio.create_task(send()) for _ in range(8)]
            most = base
            while not all(one.done() for one in sent):
                most = max(most, pss(pid))
                await asyncio.sleep(0.02)
            assert {one.result() for one in sent} == {201}
            return most - base

        grown = asyncio.run(measure())
        print(f"{grown // 1024**2} MiB more")
        assert grown < MOST
        assert len(stored(tmp_path)) == 9
        with create_engine(url).connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM post")).scalar() == 9
