"""Jobs in the workers of Celery: a broker carries messages that say which row to run.

The row stays what counts. A message has the number of a job and how many attempts at it there were, so that it is good
for one attempt: who gets it twice, or too late, finds nothing to do. A job that nobody has begun within its lease,
since its message was lost or whoever had it died, falls due and is handed over again.
"""

from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from app.core.config import settings
from app.core.errors import Unavailable
from app.crud import outbox
from app.db.session import WriteSessions
from app.jobs.attempts import attempt
from app.jobs.runner import seconds_to_next

LEASE = outbox.LEASE.total_seconds()

ANSWER = 5
"""Seconds that the broker may take."""

PUBLISHING: dict[str, Any] = {"confirm_timeout": ANSWER}
"""What only RabbitMQ makes use of, and no type tells of."""

IS_REDIS = settings.CELERY_BROKER_URL.startswith("redis")

celery = Celery("larder", broker=settings.CELERY_BROKER_URL)
celery.conf.update(
    accept_content=["json"],
    task_default_queue="larder",
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    # An attempt that takes as long as its lease is ended: first by an exception, which is its reason, then with the
    # process.
    task_soft_time_limit=LEASE - 10,
    task_time_limit=LEASE,
    # A broker that is away is for the outbox to wait for; only a connection that went stale is made anew.
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0},
    broker_connection_timeout=ANSWER,
    broker_connection_retry_on_startup=True,
    broker_transport_options=(
        {"socket_timeout": ANSWER, "socket_connect_timeout": ANSWER} if IS_REDIS else {"confirm_publish": True}
    ),
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
)


@celery.task(name="job")
def run(id: int, attempts: int) -> None:
    with WriteSessions.begin() as session:
        claim = outbox.claim_handed_over(session, id, attempts)
    if claim:
        attempt(claim)


def hand_over_next() -> float:
    """Sends the jobs that are due, some at a time; answers after how many seconds to look again."""
    if wait := seconds_to_next():
        return wait
    with WriteSessions.begin() as session:
        jobs = outbox.hand_over(session)
    if not jobs:
        return 1  # somebody else was quicker
    sent = 0
    try:
        with celery.producer_or_acquire() as producer:
            for job in jobs:
                # Under the job's own name for those who watch.
                run.apply_async((job.id, job.attempts), producer=producer, shadow=job.name, **PUBLISHING)
                sent += 1
    except OperationalError as error:
        raise Unavailable("The broker cannot be reached") from error
    finally:
        if sent < len(jobs):
            with WriteSessions.begin() as session:
                outbox.take_back(session, jobs[sent:])
    return 0
