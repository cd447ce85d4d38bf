"""Notices that the workers of a host leave for each other, where there is no database that carries them.

The memory is mapped before gunicorn forks its workers. It has room for the newest notices; who comes too late learns
that he missed some.
"""

import fcntl
import mmap
import os
import struct
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager

SLOTS = 1024
SIZE = 256
"""Bytes of a notice, with its length."""

COUNT = struct.Struct("=Q")
LENGTH = struct.Struct("=H")


class Board:
    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, COUNT.size + SLOTS * SIZE)
        with tempfile.TemporaryFile() as file:
            self._file = os.dup(file.fileno())
        self._turn = threading.Lock()

    @property
    def count(self) -> int:
        """How many notices there ever were."""
        count: int = COUNT.unpack_from(self._memory)[0]
        return count

    def put(self, notice: str) -> None:
        """At most 254 bytes."""
        data = notice.encode()
        with self._alone():
            count = self.count
            place = self._place(count)
            LENGTH.pack_into(self._memory, place, len(data))
            place += LENGTH.size
            self._memory[place : place + len(data)] = data
            COUNT.pack_into(self._memory, 0, count + 1)

    def since(self, count: int) -> tuple[int, list[str]]:
        """How many there are now, and those after the first `count`, as far as they are still there."""
        with self._alone():
            now = self.count
            return now, [self._read(number) for number in range(max(count, now - SLOTS), now)]

    def _read(self, number: int) -> str:
        place = self._place(number)
        length = LENGTH.unpack_from(self._memory, place)[0]
        place += LENGTH.size
        return self._memory[place : place + length].decode()

    def _place(self, number: int) -> int:
        return COUNT.size + number % SLOTS * SIZE

    @contextmanager
    def _alone(self) -> Generator[None]:
        # The lock on the file is for other processes, which the system releases when its holder dies.
        with self._turn:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


board = Board()
