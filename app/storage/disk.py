"""What a disk has to say, in the domain's own words."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

import structlog

from app.core.errors import InsufficientStorage, NotFound, Unavailable

log = structlog.get_logger()

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def told() -> Generator[None]:
    """Turns what a disk has to say into domain errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("There is no such file") from error
    except OSError as error:
        log.error("storage failed", error=errno.errorcode.get(error.errno or 0))
        if error.errno in NO_ROOM:
            raise InsufficientStorage("There is no room left for files") from error
        raise Unavailable("Files cannot be kept or read right now") from error
