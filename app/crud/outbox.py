"""Jobs, from the transaction that leaves them to the attempt that gets them done.

Each step is a short transaction of its own, and none is open while a job runs. An attempt holds its job by a lease:
when the process that makes it dies, the job falls due again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from app.crud.sweep import forget
from app.db.base import utc_now
from app.models import Job

LEASE = timedelta(minutes=5)
"""How long an attempt may take; one that takes longer may run beside the next. Also, how long a job that was handed
over waits for its attempt to begin before it is handed over again."""

KEPT = timedelta(days=30)
"""How long a job is kept that was given up."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one attempt; `version` tells it from the attempts of others."""

    id: int
    version: int
    created_at: datetime
    name: str
    arguments: Mapping[str, Any]
    attempts: int
    """How many there were, this one included."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A job that others were told to run. It and `attempts` say which attempt is meant, and nobody makes it twice."""

    id: int
    version: int
    name: str
    attempts: int
    """How many there were so far."""


AT_ONCE = 100
"""Jobs handed over in one transaction."""


def add(session: Session, name: str, arguments: Mapping[str, Any]) -> None:
    session.execute(insert(Job).values(name=name, arguments=arguments, run_at=utc_now()))


def seconds_to_next(session: Session) -> float | None:
    """Until a job falls due, 0 or less when one is, None when there is none."""
    due: datetime | None = session.scalar(select(func.min(Job.run_at)))
    return None if due is None else (due - utc_now()).total_seconds()


def claim(session: Session) -> Claim | None:
    """Takes the job that has been due for longest, past those that others are just taking."""
    return _claim(session, Job.id == _due(1).scalar_subquery())


def claim_handed_over(session: Session, id: int, attempts: int) -> Claim | None:
    """Takes the job for the attempt after so many, if nobody has taken it for that."""
    return _claim(session, Job.id == id, Job.attempts == attempts, Job.run_at.is_not(None))


def _claim(session: Session, *which: ColumnElement[bool]) -> Claim | None:
    columns = Job.id, Job.version, Job.created_at, Job.name, Job.arguments, Job.attempts
    values = {"attempts": Job.attempts + 1, "run_at": utc_now() + LEASE}
    taken = update(Job).where(*which).values(values).returning(*columns)
    row = session.execute(taken.execution_options(synchronize_session=False)).first()
    return None if row is None else Claim(*row)


def _due(limit: int) -> Select[int]:
    """Those that have been due for longest, past those that others are just taking."""
    due = select(Job.id).where(Job.run_at <= utc_now()).order_by(Job.run_at, Job.id).limit(limit)
    return due.with_for_update(skip_locked=True)


def hand_over(session: Session) -> Sequence[HandedOver]:
    """Takes up to 100 jobs that are due, for others to run: they are due again if nobody has begun within the lease."""
    columns = Job.id, Job.version, Job.name, Job.attempts
    ids = session.scalars(_due(AT_ONCE)).all()  # as a part of the next statement, PostgreSQL may ask for more than once
    taken = update(Job).where(Job.id.in_(ids)).values(run_at=utc_now() + LEASE).returning(*columns)
    rows = session.execute(taken.execution_options(synchronize_session=False)).all()
    return [HandedOver(*row) for row in rows]


def take_back(session: Session, jobs: Sequence[HandedOver]) -> None:
    """Has jobs be due that could not be handed over, unless somebody has begun with them after all."""
    unchanged = tuple_(Job.id, Job.version).in_([(job.id, job.version) for job in jobs])
    session.execute(update(Job).where(unchanged).values(run_at=utc_now()))


def done(session: Session, claim: Claim) -> None:
    session.execute(delete(Job).where(Job.id == claim.id, Job.version == claim.version))


def failed(session: Session, claim: Claim, reason: str, pause: timedelta | None) -> None:
    """Has the job run again after the pause, or gives it up when there is none. `reason` must hold no secret."""
    run_at = None if pause is None else utc_now() + pause
    held = Job.id == claim.id, Job.version == claim.version
    session.execute(update(Job).where(*held).values(run_at=run_at, reason=reason[:256]))


def left(session: Session) -> Sequence[Job]:
    """All that are not done, the oldest first."""
    return session.scalars(select(Job).order_by(Job.created_at, Job.id)).all()


def retry(session: Session, ids: Sequence[int] = ()) -> int:
    """Has jobs that were given up run again, all of them unless told which; says how many."""
    which = [Job.run_at.is_(None), *([Job.id.in_(ids)] if ids else [])]
    again = update(Job).where(*which).values(run_at=utc_now(), attempts=0)
    return len(session.execute(again.returning(Job.id)).all())


def sweep(session: Session) -> int:
    """Forgets up to 1,000 of the jobs that were given up too long ago, and says how many."""
    return forget(session, Job, Job.run_at.is_(None), Job.updated_at < utc_now() - KEPT)
