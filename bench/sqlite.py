"""Larder on its embedded SQLite beside the least that can answer the same (`floor.py`), as a Markdown table."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2

from bench.measure import Figures, Load, Server, conditions, measure, table
from bench.work import CLIENTS, RECIPES, ROWS, SETTINGS, WORKERS, drawn, migrate, parser
from tests.support import ROOT, free_port
from tests.support.service import Service, environment

INSTANT = "2026-01-31 12:00:00.123456"
USER = """
    INSERT INTO user (email, hashed_password, first_name, is_active, is_superuser, token_generation,
                      created_at, updated_at, version)
    VALUES (?, ?, ?, true, false, 1, ?, ?, 1)
"""
RECIPE = """
    INSERT INTO recipe (label, url, source, submitter_id, created_at, updated_at, version)
    VALUES (?, ?, ?, ?, ?, ?, 1)
"""
LABELS = ("Chicken", "Lentil", "Tomato", "Potato", "Rice")

REQUESTS = {
    "get": [f"GET {RECIPES}/{id}" for id in drawn(ROWS)],
    "list20": [f"GET {RECIPES}?limit=20&offset={offset}" for offset in range(0, 1000, 20)],
    "create": [
        f"POST {RECIPES} "
        + json.dumps({"label": "New", "url": f"https://example.com/{n}", "source": "A source", "submitter_id": 7})
        for n in drawn(ROWS)
    ],
}


@dataclass(frozen=True, slots=True)
class Floor:
    port: int
    pid: int


def main() -> None:
    options = parser("bench.sqlite", __doc__).parse_args()
    with tempfile.TemporaryDirectory() as directory:
        settings = {**SETTINGS, "DATABASE_URL": "", "DATA_DIR": directory, "WEB_CONCURRENCY": WORKERS}
        migrate(**settings)
        file, copy = Path(directory) / "larder.db", Path(directory) / "floor.db"
        fill(file)
        shutil.copy(file, copy)
        with Service("bench.larder.service:app", **settings) as larder, floor(copy) as other:
            check_same(larder, other)
            loads = [
                Load((name, who), server, requests, CLIENTS, 201 if name == "create" else 200)
                for name, requests in REQUESTS.items()
                for who, server in (("Larder", larder), ("the floor", other))
            ]
            figures = measure(loads, options)
    show(loads, figures)
    print(f"\n{conditions(figures, options)}")


def fill(file: Path) -> None:
    """The rows of `growth.py`, up to the sources, which SQLite cannot draw as PostgreSQL does."""
    with closing(sqlite3.connect(file)) as connection, connection:
        users = ((f"user{n}@example.com", f"{n}", f"User number {n}", INSTANT, INSTANT) for n in range(1, 1001))
        connection.executemany(USER, users)
        connection.executemany(RECIPE, (_recipe(n) for n in range(1, ROWS + 1)))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _recipe(n: int) -> Sequence[object]:
    digest = hashlib.md5(f"{n}".encode(), usedforsecurity=False).hexdigest()
    source = f"source-{int(digest, 16) % 100}"
    return (
        f"{LABELS[n % 5]} recipe {digest}",
        f"https://example.com/recipes/{n}",
        source,
        n % 1000 + 1,
        INSTANT,
        INSTANT,
    )


@contextmanager
def floor(file: Path) -> Iterator[Floor]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.floor:app", f"--port={port}", f"--workers={WORKERS}"]
    command += ["--loop=uvloop", "--http=httptools", "--no-access-log", "--log-level=warning"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(FLOOR_FILE=file))
    try:
        _wait(process, f"http://127.0.0.1:{port}{RECIPES}/1")
        yield Floor(port, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx2.get(url, trust_env=False).raise_for_status()
            return
        except httpx2.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the floor does not start") from None
            time.sleep(0.1)


def check_same(larder: Server, other: Server) -> None:
    """Both answer the same rows; to a list Larder adds more."""
    for path in (f"{RECIPES}/1", f"{RECIPES}/{ROWS}", f"{RECIPES}?limit=20&offset=40"):
        one, two = _answer(larder, path), _answer(other, path)
        if one | two != one:
            raise SystemExit(f"{path}: {one} is not {two}")


def _answer(server: Server, path: str) -> dict[str, Any]:
    answer = httpx2.get(f"http://127.0.0.1:{server.port}{path}", trust_env=False).raise_for_status()
    return cast("dict[str, Any]", answer.json())


def show(loads: Sequence[Load], figures: Sequence[Figures]) -> None:
    rows: list[tuple[str, ...]] = []
    for load, larder, other in zip(loads[::2], figures[::2], figures[1::2], strict=True):
        micros = f"{larder.server:,.0f}", f"{other.server:,.0f}", f"{larder.server / other.server:.2f}"
        rates = f"{larder.rate:,.0f}", f"{other.rate:,.0f}", f"{larder.rate / other.rate:.2f}"
        rows.append((load.labels[0], *micros, *rates, f"{larder.p99:,.1f}", f"{other.p99:,.1f}"))
    columns = ("", "Larder µs", "floor µs", "ratio", "Larder requests/s", "floor requests/s", "ratio")
    print(table((*columns, "Larder p99 ms", "floor p99 ms"), rows))


if __name__ == "__main__":
    main()
