"""Files are looked at and stored in threads of their own, in which no connection waits."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO, TypeVar

import structlog

from app.api.job import Job
from app.api.threads import Line, Threads
from app.core import processors
from app.core.config import settings
from app.core.errors import DomainError, Unavailable
from app.db.session import Session, WriteSessions
from app.media.workshop import Worked, work
from app.storage import storage

T = TypeVar("T")

log = structlog.get_logger()

CLEANING = processors.share(settings.WEB_CONCURRENCY)
STORING = 4
LINE = 50
"""How many files may wait to be looked at."""


class Files:
    """Cleans and stores what was uploaded. Raises `Unavailable` at once when too many wait already."""

    def __init__(self) -> None:
        self._cleaning = Threads(CLEANING, "clean", processors.roam)
        self._storing = Threads(STORING, "store", processors.roam)
        self._line = Line(LINE, "Too many files are being uploaded")

    async def clean(self, file: IO[bytes]) -> Worked:
        """Without what it hides; `Invalid` and `UnsupportedMediaType` when it is nothing that is taken."""
        with self._line:
            return await self._cleaning.run(partial(work, "clean", file))

    async def keep(self, cleaned: Worked, key: str, write: Callable[[Session], T]) -> T:
        """Stores the file, then has its row written: there is never a row without its file.

        When the row certainly does not stay, the file goes at once. When nobody can say, because the commit was cut off
        or the process died, `app.storage.orphans` looks later.
        """
        try:
            await self._storing.run(partial(storage().put, key, cleaned.file, cleaned.media_type))
            return await Job(WriteSessions, write).run()
        except DomainError as error:
            if not isinstance(error, Unavailable):
                await self.forget(key)
            raise

    async def forget(self, key: str) -> None:
        with suppress(DomainError):  # it is found again, see `app.storage.orphans`
            await self._storing.run(partial(storage().delete, key))


files = Files()
