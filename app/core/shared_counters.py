"""Counters in memory that the workers of a host share.

They are mapped before gunicorn forks its workers: what one of them counts, all see, and it outlives them. The memory
storage of `limits` itself counts in each process alone, and keeps all keys that it is given, of which a stranger can
send any number. Here there is room for a fixed number of keys.
"""

import fcntl
import mmap
import os
import secrets
import struct
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import blake2b
from math import floor
from typing import NamedTuple

from limits.aio.storage import SlidingWindowCounterSupport, Storage

ROW = struct.Struct("=Qdii")  # the fields of `Row`
ROWS = 2**17
"""3 MiB, of which the system gives what is written to."""

WAYS = 8
"""In how many places a key may be. When all are taken, the one with the fewest hits is forgotten: an attack on one key
cannot be hidden by hits on ever new ones.
"""


class Row(NamedTuple):
    """What is known of a key: how often it was hit in the window before, and in this one."""

    fingerprint: int
    ends: float
    """Seconds since the epoch; from then on nothing of it counts."""
    previous: int = 0
    current: int = 0

    def in_window(self, now: float, seconds: int) -> "Row":
        """The same as of now, in windows of so many seconds."""
        ends = (now // seconds + 2) * seconds
        if self.ends == ends:
            return self
        return Row(self.fingerprint, ends, self.current if self.ends == ends - seconds else 0)


class SharedCounters(Storage, SlidingWindowCounterSupport):
    """A storage for `limits`. Its methods do not wait, and are for one thread of each process.

    A hit takes some microseconds. The lock is one on a file, because the system releases it when its holder dies.
    """

    STORAGE_SCHEME = None

    def __init__(self, rows: int = ROWS) -> None:
        super().__init__()
        self._buckets = rows // WAYS
        self._memory = mmap.mmap(-1, rows * ROW.size)
        with tempfile.TemporaryFile() as file:
            self._lock = os.dup(file.fileno())
        self._secret = secrets.token_bytes(16)  # or it could be chosen who shares a bucket

    @property
    def base_exceptions(self) -> type[Exception]:
        return OSError

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        with self._place(key) as (place, last):
            now = time.time()
            row = last.in_window(now, expiry)
            before = row.previous * (row.ends - expiry - now) / expiry
            if floor(before) + row.current + amount > limit:
                return False
            self._write(place, row._replace(current=max(row.current + amount, 0)))
            return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        with self._place(key) as (_, last):
            now = time.time()
            row = last.in_window(now, expiry)
            return row.previous, row.ends - expiry - now, row.current, row.ends - now

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        await self.clear(key)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with self._place(key) as (place, last):
            now = time.time()
            row = last if last.ends > now else Row(last.fingerprint, now + expiry)
            self._write(place, row._replace(current=row.current + amount))
            return row.current + amount

    async def get(self, key: str) -> int:
        with self._place(key) as (_, row):
            return row.current if row.ends > time.time() else 0

    async def get_expiry(self, key: str) -> float:
        with self._place(key) as (_, row):
            return max(row.ends, time.time())

    async def clear(self, key: str) -> None:
        with self._place(key) as (place, row):
            self._write(place, Row(row.fingerprint, 0))

    async def check(self) -> bool:
        return True

    async def reset(self) -> None:
        self._memory[:] = bytes(len(self._memory))

    @contextmanager
    def _place(self, key: str) -> Generator[tuple[int, Row]]:
        """Where the row of a key is or, when there is none, may be written; nobody else writes meanwhile."""
        digest = blake2b(key.encode(), digest_size=8, key=self._secret).digest()
        fingerprint = int.from_bytes(digest)
        first = fingerprint % self._buckets * WAYS * ROW.size
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            rows = [(place, self._read(place)) for place in range(first, first + WAYS * ROW.size, ROW.size)]
            for place, row in rows:
                if row.fingerprint == fingerprint:
                    yield place, row
                    return
            now = time.time()
            place, _ = min(rows, key=lambda one: one[1].ends > now and one[1].previous + one[1].current)
            yield place, Row(fingerprint, 0)
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def _read(self, place: int) -> Row:
        return Row(*ROW.unpack_from(self._memory, place))

    def _write(self, place: int, row: Row) -> None:
        ROW.pack_into(self._memory, place, *row)
