"""A load on a service for some seconds, and what it cost: speed and latency from wrk, processor time from /proc."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

import httpx2

TICK = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1
SCRIPT = Path(__file__).parent / "requests.lua"

WARM_UP = 1
"""Seconds of each load before the first round counts."""

STEP = 5_000
"""By how many requests each round begins later than the one before."""


class Server(Protocol):
    @property
    def port(self) -> int: ...
    @property
    def pid(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Load:
    """Requests, each `METHOD path` or `METHOD path body`, from some clients, each of whom waits for his answer."""

    labels: tuple[str, ...]
    server: Server
    requests: Sequence[str]
    clients: int
    status: int = 200
    """What each answer has to be."""


@dataclass(frozen=True, slots=True)
class Figures:
    server: float
    """Microseconds of processor time for a request: that of the server's processes, all of them together."""
    database: float
    """The same, of PostgreSQL."""
    rate: float
    """Answers per second."""
    p99: float
    """Milliseconds within which 99 of 100 answers came."""
    foreign: float
    """The share of the machine that others used meanwhile."""


def measure(loads: Sequence[Load], options: Namespace, database: int = 0) -> list[Figures]:
    """Each load in turn and all of them again in each round; the medians. `database` is PostgreSQL's process.

    Raises `SystemExit` when a single answer was not what it should be, or did not come.
    """
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed")
    minutes = len(loads) * (WARM_UP + options.rounds * options.seconds) / 60
    print(f"{len(loads)} loads, {minutes:.1f} minutes", file=sys.stderr)
    _take_files()
    found: list[list[Figures]] = [[] for _ in loads]
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / str(number) for number in range(len(loads))]
        for load, file in zip(loads, files, strict=True):
            file.write_text("\n".join(load.requests))
            _check(load)
            _once(load, file, 0, WARM_UP, database)
        for turn in range(options.rounds):
            for load, file, figures in zip(loads, files, found, strict=True):
                figures.append(_once(load, file, turn + 1, options.seconds, database))
                print(*load.labels, f"{figures[-1].server:.0f} µs", file=sys.stderr)
    return [_median(row) for row in found]


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown, with numbers to the right."""
    rows = [list(row) for row in rows]
    lines = [list(columns), ["---:" if cell[:1].isdigit() else "---" for cell in rows[0]], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def conditions(figures: Iterable[Figures], options: Namespace) -> str:
    rounds = f"{options.rounds} rounds of {options.seconds} s"
    foreign = max(one.foreign for one in figures)
    return f"Medians of {rounds}, on {CORES} cores, of which others used up to {foreign:.0%}."


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all below it, those that have ended included."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) / TICK + sum(cpu_seconds(int(child)) for child in children)


def _once(load: Load, file: Path, turn: int, seconds: int, database: int) -> Figures:
    before = _used(load, database)
    start = time.monotonic()
    url = f"http://127.0.0.1:{load.server.port}"
    command = ["wrk", "-t1", f"-c{load.clients}", f"-d{seconds}s", "--timeout=30s", f"-s{SCRIPT}", url, "--"]
    command += [str(file), str(turn * STEP)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    result = json.loads(output.partition("RESULT ")[2])
    after = _when_quiet(load, database)
    wall = time.monotonic() - start

    good = result["answers"] - result["refused"] if load.status < 400 else result["refused"]
    if result["lost"] or good != result["answers"] or not good:
        raise SystemExit(f"{' '.join(load.labels)}: errors in {result}")
    # At the end each client has sent one more, which is worked on although nobody waits.
    asked = good + load.clients
    server, of_database, client, machine = (then - now for now, then in zip(before, after, strict=True))
    return Figures(
        server=1e6 * server / asked,
        database=1e6 * of_database / asked,
        rate=good / result["seconds"],
        p99=1e3 * result["p99"],
        foreign=max(0, machine - server - of_database - client) / wall / CORES,
    )


def _used(load: Load, database: int) -> tuple[float, float, float, float]:
    """Seconds so far of the server, the database, the clients that have ended, and the whole machine."""
    clients = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = [*map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])]
    machine = (sum(ticks) - ticks[3] - ticks[4]) / TICK  # all but idle and waiting for a disk
    of_database = cpu_seconds(database) if database else 0
    return cpu_seconds(load.server.pid), of_database, clients.ru_utime + clients.ru_stime, machine


def _when_quiet(load: Load, database: int) -> tuple[float, float, float, float]:
    """The same once what clients left behind has been worked off."""
    deadline = time.monotonic() + 5
    before, now = 0.0, _used(load, database)
    while now[0] - before > 2 / TICK and time.monotonic() < deadline:
        time.sleep(0.1)
        before, now = now[0], _used(load, database)
    return now


def _check(load: Load) -> None:
    """The first request by itself, whose answer has to be the very status."""
    method, path, *body = load.requests[0].split(" ", 2)
    headers = {"Content-Type": "application/json"} if body else {}
    url = f"http://127.0.0.1:{load.server.port}{path}"
    with httpx2.Client(trust_env=False, timeout=30) as client:
        answer = client.request(method, url, content="".join(body), headers=headers)
    if answer.status_code != load.status:
        raise SystemExit(f"{' '.join(load.labels)}: {answer.status_code} {answer.text}")


def _median(row: Sequence[Figures]) -> Figures:
    return Figures(*(median(getattr(one, name) for one in row) for name in Figures.__slots__))


def _take_files() -> None:
    """A thousand clients have as many connections open, and each is a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
