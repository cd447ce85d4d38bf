"""The hub's source: the tables."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from app import crud
from app.crud import feed, login_session
from app.crud.feed import Happened
from app.db.session import Session
from app.live.listener import Event, Grant
from app.models import Comment
from app.schemas.live import CommentEvent, CommentShown

T = TypeVar("T")


class Ask(Protocol):
    """Runs what only reads, in a thread, with a session."""

    def __call__(self, work: Callable[[Session], T], /) -> Awaitable[T]: ...


class Tables:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def head(self, recipe_id: int) -> int:
        return await self._ask(partial(feed.head, recipe_id=recipe_id))

    async def heads(self, recipe_ids: Collection[int]) -> Mapping[int, int]:
        return await self._ask(partial(feed.heads, recipe_ids=recipe_ids))

    async def since(self, recipe_id: int, number: int) -> Sequence[Event]:
        return await self._ask(partial(_since, recipe_id=recipe_id, number=number))

    async def ended(self, grants: Collection[Grant]) -> Collection[Grant]:
        return await self._ask(partial(_ended, grants=grants))


def _since(session: Session, recipe_id: int, number: int) -> Sequence[Event]:
    happened = feed.since(session, recipe_id, number)
    comments = crud.comment.among(session, {one.comment_id for one in happened})
    return [_event(one, comments.get(one.comment_id)) for one in happened]


def _event(one: Happened, comment: Comment | None) -> Event:
    shown = CommentShown.model_validate(comment, from_attributes=True) if comment else None
    said = CommentEvent(type=one.what, number=one.number, comment_id=one.comment_id, comment=shown)
    return Event(one.number, one.what, said.model_dump_json())


def _ended(session: Session, grants: Collection[Grant]) -> Collection[Grant]:
    sessions = {one.session_id for one in grants if one.session_id is not None}
    keys = {one.key_hash for one in grants if one.key_hash is not None}
    living_sessions = login_session.living_among(session, sessions) if sessions else set[int]()
    living_keys = crud.api_key.living_among(session, keys) if keys else set[bytes]()
    return [one for one in grants if one.session_id not in living_sessions and one.key_hash not in living_keys]
