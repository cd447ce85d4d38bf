"""What posts need beyond `CRUDBase`: who owns them, and that files come and go with them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import Session

from app.core.principal import Principal
from app.core.scopes import Scope
from app.crud import outbox
from app.crud.base import CRUDBase
from app.crud.precondition import ALWAYS, Precondition
from app.crud.returning import Values
from app.models import Post
from app.schemas.post import PostCreate, PostUpdate

FORGET_FILES = "storage.forgetting.forget_files"
"""The job that deletes what a removed row leaves behind. Jobs are above this layer, hence its name."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What a row says of its file."""

    key: str
    media_type: str
    size: int
    sha256: str
    width: int | None
    height: int | None


class CRUDPost(CRUDBase[Post, PostCreate, PostUpdate]):
    filters = ("id", "owner_id", "recipe_id", "media_type", "size", "created_at", "updated_at")
    searches = ("caption",)
    sorts = ("id", "created_at", "updated_at", "size")

    def changeable(self, caller: Principal) -> ColumnElement[bool]:
        return true() if Scope.posts_admin in caller.scopes else Post.owner_id == caller.id

    def owned(self, caller: Principal | None) -> Values:
        return {"owner_id": caller and caller.id}

    def publish(self, session: Session, data: PostCreate, file: StoredFile, caller: Principal) -> Post:
        """A row for a file that is stored already. Whoever calls this deletes the file if the row does not stay."""
        return self._insert(session, {**self.new_row(data, caller), **asdict(file)})

    def remove(self, session: Session, id: int, caller: Principal, precondition: Precondition = ALWAYS) -> None:
        """Its files go once that is committed."""
        keys = session.execute(select(Post.key, Post.thumbnail_key).where(Post.id == id)).first()
        super().remove(session, id, caller, precondition)
        if keys is not None:
            outbox.add(session, FORGET_FILES, {"keys": [key for key in keys if key]})


def key_of(session: Session, id: int) -> tuple[str, str] | None:
    """Where the file of a post is, and what it is; None if the post is gone."""
    row = session.execute(select(Post.key, Post.media_type).where(Post.id == id)).first()
    return None if row is None else (row.key, row.media_type)


def note_thumbnail(session: Session, id: int, key: str) -> bool:
    """Whether there is still a post to have it."""
    noted = update(Post).where(Post.id == id).values(thumbnail_key=key)
    return session.scalar(noted.returning(Post.id).execution_options(synchronize_session=False)) is not None


def keys_between(session: Session, first: str, last: str | None) -> Mapping[str, datetime]:
    """Of files, from `first` up to before `last`, or to the end; and since when there are rows that have them."""
    keys = select(Post.key, Post.created_at).where(Post.key >= first)
    found = session.execute(keys if last is None else keys.where(Post.key < last))
    return {row.key: row.created_at for row in found}


post = CRUDPost(Post)
