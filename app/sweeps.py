"""What nobody can ask for any more is thrown away, each night, by one process for all."""

import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from app import crud
from app.crud import feed, idempotency, login_session, outbox, trail
from app.db import session as database
from app.db.base import utc_now
from app.db.lock import unless_held
from app.db.session import Session, WriteSessions
from app.storage import orphans

log = structlog.get_logger()

HOUR = 3
"""At which a night's sweeps begin, in UTC."""

Sweep = Callable[[], int]
"""Throws away all that it finds, in transactions of its own and as short as possible, and says how many things.

It may end in the middle, and begin again from the beginning.
"""


def rows(forget_some: Callable[[Session], int]) -> Sweep:
    """Of a function that forgets a bounded number of rows: called until none is left."""

    def sweep() -> int:
        count, some = 0, math.inf
        while some:
            with WriteSessions.begin() as session:
                some = forget_some(session)
            count += some
        return count

    return sweep


SWEEPS: Mapping[str, Sweep] = {
    "idempotency keys": rows(idempotency.sweep),
    "sessions": rows(login_session.sweep),
    "API keys": rows(crud.api_key.sweep),
    "jobs": rows(outbox.sweep),
    "trail": rows(trail.sweep),
    "feeds": rows(feed.sweep),
    "files": orphans.sweep,
}


def sweep_all() -> None:
    """A sweep that fails is logged, and keeps none of the others from being done."""
    for name, sweep in SWEEPS.items():
        try:
            count = sweep()
        except Exception:
            log.exception("sweep failed", name=name)
        else:
            log.info("swept", name=name, count=count)


def sweep_as_elected(seconds: float) -> None:
    """Sweeps unless another process does, on whichever host, or began to so many seconds ago."""
    begun = time.monotonic()
    with unless_held(database.engine, "sweeps") as elected:
        if elected:
            sweep_all()
            time.sleep(max(0, begun + seconds - time.monotonic()))


def seconds_to_night() -> float:
    now: datetime = utc_now()
    night = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return ((night if night > now else night + timedelta(days=1)) - now).total_seconds()
