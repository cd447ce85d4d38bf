"""The feed of a recipe: what happened to its comments, numbered from 1 without a gap.

A number is taken under a lock that is held until the commit, so that whoever sees an event sees all before it, and none
comes later in between. A sequence would promise neither.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.crud.sweep import forget
from app.db.base import table_of, utc_now
from app.db.notices import tell
from app.models import Feed, FeedEvent, Recipe

KEPT = timedelta(hours=24)
"""For how long a client may be away and still resume."""

AT_ONCE = 500
"""Events that are read at once, and that a client may be behind."""


class Happened(NamedTuple):
    number: int
    what: str
    comment_id: int


_feed, _event, _recipe = table_of(Feed), table_of(FeedEvent), table_of(Recipe)

# SQLite writes it as PostgreSQL does.
_next = (
    upsert(_feed)
    .values(number=1)
    .on_conflict_do_update(index_elements=["recipe_id"], set_={"number": _feed.c.number + 1})
    .returning(_feed.c.number)
)
_heads = (
    select(_recipe.c.id, func.coalesce(_feed.c.number, 0))
    .outerjoin(_feed, _feed.c.recipe_id == _recipe.c.id)
    .where(_recipe.c.deleted_at.is_(None))
)


def record(session: Session, recipe_id: int, what: str, comment_id: int) -> None:
    """Adds an event, and has everybody told of it who watches the recipe, once it is committed."""
    number = session.execute(_next, {"recipe_id": recipe_id}).scalar_one()
    values = {"recipe_id": recipe_id, "number": number, "what": what, "comment_id": comment_id}
    session.execute(insert(_event), values)
    tell(session, f"event {recipe_id} {number}")


def head(session: Session, recipe_id: int) -> int:
    """The number of the last event, 0 if there was none; `NotFound` if there is no such recipe."""
    numbers = heads(session, [recipe_id])
    if not numbers:
        raise NotFound("There is no such recipe")
    return numbers[recipe_id]


def heads(session: Session, recipe_ids: Collection[int]) -> Mapping[int, int]:
    """The numbers of the last events of those of the recipes that are there."""
    rows = session.connection().execute(_heads.where(_recipe.c.id.in_(recipe_ids)))
    return {row[0]: row[1] for row in rows}


def since(session: Session, recipe_id: int, number: int) -> Sequence[Happened]:
    """Up to 500 of the events after the one with the number; they begin later if that has been forgotten."""
    rows = select(_event.c.number, _event.c.what, _event.c.comment_id).where(
        _event.c.recipe_id == recipe_id, _event.c.number > number
    )
    found = session.connection().execute(rows.order_by(_event.c.number).limit(AT_ONCE))
    return [Happened(*row) for row in found]


def sweep(session: Session) -> int:
    """Forgets up to 1,000 of the events that are older than a day, and says how many."""
    return forget(session, FeedEvent, FeedEvent.created_at < utc_now() - KEPT)
