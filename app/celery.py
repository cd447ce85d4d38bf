"""What Celery runs: `celery -A app.celery worker` and `celery -A app.celery beat`. Neither takes FastAPI."""

from typing import Any

from celery.schedules import crontab
from celery.signals import setup_logging

from app import sweeps
from app.core import logging
from app.core.config import settings
from app.jobs.broker import IS_REDIS, LEASE, celery
from app.mail import letters
from app.storage import forgetting, thumbnail

if not settings.CELERY_BROKER_URL:
    raise SystemExit("Larder cannot start: CELERY_BROKER_URL is not set. See .env.example.")

JOBS = (letters, forgetting, thumbnail)
"""The modules that have jobs, so that these are known here."""

LONGEST_SWEEP = 4 * 3600
"""Seconds."""

if IS_REDIS:
    # Messages that a dead worker had are seen again after this time, which no attempt takes. No socket_timeout here:
    # a worker whose acknowledgement fails, on a connection that does not end, gets no further messages (kombu 5.7).
    celery.conf.broker_transport_options = {"visibility_timeout": 2 * LEASE, "socket_keepalive": True}

celery.conf.update(
    beat_schedule={
        "sweep": {
            "task": "sweep",
            "schedule": crontab(hour=sweeps.HOUR, minute=0),
            "options": {"expires": LONGEST_SWEEP},
        }
    },
    beat_scheduler="celery.beat:Scheduler",  # it keeps no file: what is due at which hour need not be remembered
)


# Acknowledged at once: a night that is lost is followed by another, and RabbitMQ ends who is silent for so long.
@celery.task(name="sweep", acks_late=False, soft_time_limit=LONGEST_SWEEP, time_limit=LONGEST_SWEEP + 60)
def sweep() -> None:
    sweeps.sweep_as_elected(0)


@setup_logging.connect
def configure_logging(**_: Any) -> None:
    """Lines look as those of the service do; Celery leaves them alone then."""
    logging.configure()
