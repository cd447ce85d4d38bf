"""A file may be large; what a worker takes to read or write it is not."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.transfer.formats import Format
from tests.conftest import POSTGRES, WHY_NOT
from tests.support.own_service import as_superuser, prepare
from tests.support.postgres import fresh_database
from tests.support.service import Service

ROWS = 100_000
MOST = 50 * 1024 * 1024
"""Bytes that a worker may grow by."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/larder.db"
    elif WHY_NOT in os.environ:
        pytest.skip(f"no PostgreSQL: {os.environ[WHY_NOT]}")
    else:
        with fresh_database(os.environ[POSTGRES]) as url:
            yield url


def label(number: int) -> str:
    return f"Soup {number}, as grandmother made it"


def lines(format: Format) -> Iterator[bytes]:
    """100,000 recipes, 10 MB."""
    if format is Format.csv:
        yield b"label,source,url\n"
    for number in range(ROWS):
        address = f"https://example.com/soups/{number}"
        if format is Format.csv:
            yield f'"{label(number)}",Grandmother,{address}\n'.encode()
        else:
            yield f'{{"label":"{label(number)}","source":"Grandmother","url":"{address}"}}\n'.encode()


def chunks(format: Format) -> Iterator[bytes]:
    chunk = b""
    for line in lines(format):
        chunk += line
        if len(chunk) > 64 * 1024:
            yield chunk
            chunk = b""
    yield chunk


def memory(pid: int, name: str) -> int:
    """Bytes: `VmRSS` is what a process takes now, `VmHWM` the most since `forget_peak`."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@pytest.mark.slow
@pytest.mark.parametrize("format", Format)
def test_large_file_takes_little_memory_in_and_out(url: str, format: Format) -> None:
    prepare(url)
    with Service(DATABASE_URL=url, WEB_CONCURRENCY=2) as service:
        for _ in range(50):
            assert service.client.get("/api/v1/recipes", headers=as_superuser()).status_code == 200
        base = {pid: memory(pid, "VmRSS") for pid in service.worker_pids}
        for pid in base:
            forget_peak(pid)

        start = time.monotonic()
        headers = as_superuser() | {"Content-Type": format.media_type}
        imported = service.client.post("/api/v1/recipes/import", content=chunks(format), headers=headers, timeout=300)
        assert (imported.status_code, imported.json()) == (201, {"rows": ROWS, "dry_run": False})

        middle = time.monotonic()
        found = hashlib.sha256()
        path = f"/api/v1/recipes/export?format={format}&source=Grandmother&sort=id"
        with service.client.stream("GET", path) as exported:
            for line in exported.iter_lines():
                found.update(b"".join(re.findall(rb"Soup \d+, as grandmother made it", line.encode())))
        end = time.monotonic()
        grown = {pid: memory(pid, "VmHWM") - base[pid] for pid in base}

    assert found.digest() == hashlib.sha256("".join(map(label, range(ROWS))).encode()).digest()
    print(
        f"{middle - start:.1f} s in, {end - middle:.1f} s out, {[size // 1024**2 for size in grown.values()]} MiB more"
    )
    assert max(grown.values()) < MOST
