"""Files in a directory."""

import os
import secrets
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from app.core.media_url import media_url
from app.storage.disk import told
from app.storage.storage import Kept

PART = ".part"


class LocalStorage:
    """In 256 directories, by how the keys begin: listing one stays fast."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, key: str) -> Path:
        return self.directory / key[:2] / key

    def put(self, key: str, file: IO[bytes], media_type: str) -> None:
        path = self.path(key)
        # A name of its own, or two attempts at one thumbnail would write into the same.
        part = path.with_name(f"{key}.{secrets.token_hex(4)}{PART}")
        with told():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                file.seek(0)
                with part.open("xb") as target:
                    shutil.copyfileobj(file, target, 256 * 1024)
                    target.flush()
                    os.fsync(target.fileno())
                part.replace(path)
                _sync(path.parent)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    @contextmanager
    def open(self, key: str) -> Generator[IO[bytes]]:
        with told():
            file = self.path(key).open("rb")
        with file:
            yield file

    def delete(self, key: str) -> None:
        with told():
            self.path(key).unlink(missing_ok=True)

    def lend(self, key: str) -> str:
        return media_url(key)

    def all(self) -> Iterator[Kept]:
        """Also what a process left that died while it wrote."""
        with told():
            for path in self._paths():
                with suppress(FileNotFoundError):  # it went meanwhile
                    yield Kept(path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC))

    def _paths(self) -> Iterator[Path]:
        for directory in sorted(self.directory.glob("??/")):
            yield from sorted(directory.iterdir())


def _sync(directory: Path) -> None:
    """Or the name might be gone after the power failed, although the file is there."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
