"""One attempt at a job, and what becomes of the job after it."""

import random
from datetime import timedelta

import structlog

from app.core.errors import DomainError
from app.crud import outbox
from app.crud.outbox import Claim
from app.db.session import WriteSessions
from app.jobs.job import JOBS, Attempt, Hopeless

log = structlog.get_logger()

ATTEMPTS = 15
"""With the pauses between them they take about 18 hours."""

FIRST_PAUSE = 10.0
LONGEST_PAUSE = 4 * 3600.0
"""Seconds. Each pause is twice as long as the one before, give or take a quarter."""


def attempt(claim: Claim) -> None:
    """Runs the job. Then it is done, or waits for its next attempt, or is given up."""
    reason, pause = _run(claim)
    with WriteSessions.begin() as session:
        if reason is None:
            outbox.done(session, claim)
        else:
            outbox.failed(session, claim, reason, pause)


def _run(claim: Claim) -> tuple[str | None, timedelta | None]:
    """Why it failed, and after which pause to try again; None when it did not, or is not to be tried again."""
    told = log.bind(job=claim.id, name=claim.name, attempt=claim.attempts)
    if claim.attempts > ATTEMPTS:
        told.error("job given up", reason="never ended")
        return "It never came to an end, and perhaps ended the process", None
    try:
        key = f"{claim.created_at:%Y%m%d%H%M%S%f}.{claim.id}"
        JOBS[claim.name].run(Attempt(key, claim.attempts), dict(claim.arguments))
    except Exception as error:
        reason = reason_of(error)
        if claim.attempts >= ATTEMPTS or isinstance(error, Hopeless):
            told.error("job given up", reason=reason, exc_info=unforeseen(error))
            return reason, None
        told.warning("job failed", reason=reason, exc_info=unforeseen(error))
        return reason, pause_after(claim.attempts)
    told.info("job done")
    return None, None


def reason_of(error: Exception) -> str:
    """What may be told of it: what others put into their messages may be secret."""
    return error.detail if isinstance(error, DomainError) else type(error).__name__


def unforeseen(error: Exception) -> Exception | None:
    """Of an error that nobody foresaw, the log has all there is to know."""
    return None if isinstance(error, DomainError) else error


def pause_after(attempts: int) -> timedelta:
    seconds = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    # Jobs that failed together should not come back together.
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
