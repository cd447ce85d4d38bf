"""How old rows are forgotten: some at a time, and by any number of processes at once."""

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from app.db.base import Base

AT_ONCE = 1000
"""So few that a statement stays far below its timeout, however many there are in all."""


def forget(session: Session, model: type[Base], *old: ColumnElement[bool]) -> int:
    """Deletes up to 1,000 of the rows for which all conditions hold, and says how many."""
    some = select(model.id).where(*old).limit(AT_ONCE)
    # Whoever sweeps at the same time takes others.
    ids = session.scalars(some.with_for_update(skip_locked=True)).all()
    session.execute(delete(model).where(model.id.in_(ids)))
    return len(ids)
