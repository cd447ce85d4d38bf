"""What a storage can do. Its calls block; who must not wait has them made in `app.api.files` or in a job."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    key: str
    since: datetime


class Storage(Protocol):
    """Keeps files under keys (see `app.media.kind`), each either whole or not at all.

    Raises `InsufficientStorage` when there is no room, and `Unavailable` when it cannot be reached.
    """

    def put(self, key: str, file: IO[bytes], media_type: str) -> None:
        """Once it returns the file is there for good, in the place of one of the same key."""
        ...

    def open(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """For reading. Raises `NotFound`."""
        ...

    def delete(self, key: str) -> None:
        """Nothing is wrong when there is none."""
        ...

    def all(self) -> Iterator[Kept]:
        """Every file, in the order of their keys."""
        ...

    def lend(self, key: str) -> str:
        """An address for browsers, of a file that this service does not hand out itself. It asks nobody."""
        ...
