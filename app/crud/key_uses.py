"""When keys were last used. Noted in memory, and written down now and then, so that a read with a key only reads."""

from datetime import datetime

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from app.db.base import table_of, utc_now
from app.models import ApiKey

noted: dict[int, datetime] = {}

_keys = table_of(ApiKey)
_write_down = (
    update(_keys)
    .where(_keys.c.id == bindparam("key_id"))
    # It is no change of the key, so its version stays.
    .values(last_used_at=bindparam("used_at"), version=_keys.c.version, updated_at=_keys.c.updated_at)
)


def note(id: int) -> None:
    noted[id] = utc_now()


def write_down(session: Session) -> None:
    """Those since the last time, of this process."""
    uses: list[dict[str, object]] = []
    while noted:
        id, at = noted.popitem()  # one by one: threads go on noting
        uses.append({"key_id": id, "used_at": at})
    if uses:
        # In one order, so that no two processes wait for each other.
        session.connection().execute(_write_down, sorted(uses, key=lambda use: str(use["key_id"])))
