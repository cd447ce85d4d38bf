"""Files without a row, and rows without a file: what is left where something died half-way."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import structlog

from app.crud import crud_post
from app.db.base import utc_now
from app.db.session import ReadSessions
from app.media.kind import STEM, thumbnail_of
from app.storage.choosing import storage
from app.storage.storage import Kept

log = structlog.get_logger()

AGE = timedelta(hours=1)
"""The row of a younger file may be yet to come (see UPLOAD_TIMEOUT), and the list was made before its file came."""

AT_ONCE = 1000


def sweep() -> int:
    """Deletes old files that no row has, and says how many; logs rows whose file is missing: nobody can bring it back.

    Both come in the order of their keys, some at a time, so that millions take no more memory than thousands; and no
    session is open while the storage is asked.
    """
    count = 0
    for files, first, last in _pages(storage().all()):
        with ReadSessions() as session:
            keys = crud_post.keys_between(session, first, last)
        wanted = {*keys, *map(thumbnail_of, keys)}
        before = utc_now() - AGE
        for file in files:
            if file.key not in wanted and file.since < before:
                storage().delete(file.key)
                count += 1
        there = {file.key for file in files}
        for key, since in keys.items():
            if key not in there and since < before:
                log.error("the file of a post is missing", key=key)
    return count


def _pages(files: Iterator[Kept]) -> Iterator[tuple[list[Kept], str, str | None]]:
    """Files, and between which keys their rows are: together the pages cover all keys that there may be."""
    first = ""
    page = list(islice(files, AT_ONCE))
    while following := list(islice(files, AT_ONCE)):
        # A file and its thumbnail must not be parted.
        while following and following[0].key[:STEM] == page[-1].key[:STEM]:
            page.append(following.pop(0))
        if not following:
            break
        last = following[0].key[:STEM]
        yield page, first, last
        first, page = last, following
    yield page, first, None
