"""The trail of an account: what happened to it, as rows that its owner may read and as lines of the log.

There is no secret in either: not what was tried as a password, nor as an address, where passwords are typed by mistake.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ScalarSelect, insert
from sqlalchemy.orm import Session

from app.core.happenings import Happening
from app.core.origin import asked_from
from app.core.principal import Principal
from app.crud.sweep import forget
from app.db.base import utc_now
from app.db.ending import in_any_case
from app.db.notices import tell
from app.models import Event

log = structlog.get_logger()

KEPT = timedelta(days=365)


def record(
    session: Session,
    what: Happening,
    user_id: int | ScalarSelect[int],
    *,
    by: Principal | None = None,
    detail: str | None = None,
) -> None:
    """Adds to the trail of the account, which may be looked up in the same statement and need not be there.

    It is written with what happens. A refusal is written when the transaction ends, however it does. Where rights end,
    all processes are told, so that whoever is there by them is shown out.
    """
    origin = asked_from.get()()
    actor_id = by.id if by and by.id != user_id else None
    values = {"user_id": user_id, "what": str(what), "detail": detail, "actor_id": actor_id, **origin._asdict()}
    if what.is_refusal:
        in_any_case(session, partial(_write, values=values))
    else:
        _write(session, values)


def _write(session: Session, values: Mapping[str, Any]) -> None:
    user_id = session.scalar(insert(Event).values(values).returning(Event.user_id))
    if user_id is not None and Happening(values["what"]).is_end_of_rights:
        tell(session, f"rights {user_id}")
    log.info("security event", **{**values, "user_id": user_id})


def sweep(session: Session) -> int:
    """Forgets up to 1,000 of the events that are older than a year, and says how many."""
    return forget(session, Event, Event.created_at < utc_now() - KEPT)
