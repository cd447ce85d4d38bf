"""What comments need beyond `CRUDBase`: who wrote them, where he was, and who may take them away."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, bindparam, or_, select, true
from sqlalchemy.orm import Session, selectinload

from app.core.origin import asked_from
from app.core.principal import Principal
from app.crud import feed
from app.crud.base import CRUDBase
from app.crud.precondition import ALWAYS, Precondition
from app.crud.query import LIMIT
from app.crud.returning import Values
from app.models import Comment, Recipe, User
from app.schemas.comment import CommentCreate, CommentUpdate
from app.schemas.types import Nothing

Shown = Row[int, int | None, str, datetime, str | None, str | None]
"""id, author_id, text, created_at, and the author's first_name and surname."""

NEWEST = (
    select(Comment.id, Comment.author_id, Comment.text, Comment.created_at, User.first_name, User.surname)
    .outerjoin(User, User.id == Comment.author_id)
    .where(Comment.recipe_id == bindparam("recipe_id"))
    .order_by(Comment.id.desc())
    .limit(LIMIT)
)
"""Made once, because each page of a recipe begins with it."""


class CRUDComment(CRUDBase[Comment, CommentCreate, CommentUpdate]):
    filters = ("id", "author_id", "created_at", "updated_at")
    searches = ("text",)
    sorts = ("id", "created_at", "updated_at")

    def changeable(self, caller: Principal) -> ColumnElement[bool]:
        return Comment.author_id == caller.id

    def removable(self, caller: Principal) -> ColumnElement[bool]:
        own_recipes = select(Recipe.id).where(Recipe.submitter_id == caller.id)
        return true() if caller.is_superuser else or_(self.changeable(caller), Comment.recipe_id.in_(own_recipes))

    def create(self, session: Session, data: CommentCreate, caller: Principal | None = None) -> Comment:
        comment = super().create(session, data, caller)
        feed.record(session, comment.recipe_id, "comment.created", comment.id)
        return comment

    def remove(self, session: Session, id: int, caller: Principal, precondition: Precondition = ALWAYS) -> None:
        recipe_id = self.get_one(session, id, caller).recipe_id
        super().remove(session, id, caller, precondition)
        feed.record(session, recipe_id, "comment.removed", id)

    def _change(
        self, session: Session, id: int, values: Values, caller: Principal, precondition: Precondition = ALWAYS
    ) -> Comment:
        comment = super()._change(session, id, values, caller, precondition)
        if values:
            feed.record(session, comment.recipe_id, "comment.updated", comment.id)
        return comment

    def among(self, session: Session, ids: Collection[int]) -> Mapping[int, Comment]:
        """Those of them that are there, with their authors."""
        rows = select(Comment).where(Comment.id.in_(ids)).options(selectinload(Comment.author))
        return {comment.id: comment for comment in session.scalars(rows)}

    def owned(self, caller: Principal | None) -> Values:
        return {"author_id": caller and caller.id, "address": asked_from.get()().address}

    def newest(self, session: Session, recipe_id: int, limit: int, before: int | None = None) -> Sequence[Shown]:
        """Those of a recipe, the newest first, with their authors' names."""
        rows = NEWEST if before is None else NEWEST.where(Comment.id < before)
        return session.connection().execute(rows, {"recipe_id": recipe_id, "limit": limit}).all()

    def to_be_told(self, session: Session, id: int) -> Row[str, int, str] | None:
        """Where to write to who brought the recipe, and which; None when it is his own comment, or when he has not
        shown that he reads his mail: strangers decide when he is written to.
        """
        rows = (
            select(User.email, Recipe.id.label("recipe_id"), Recipe.label)
            .join(Recipe, Recipe.submitter_id == User.id)
            .join(Comment, Comment.recipe_id == Recipe.id)
            .where(Comment.id == id, Comment.author_id.is_distinct_from(User.id), Recipe.deleted_at.is_(None))
            .where(User.is_active, User.email_verified_at.is_not(None))
        )
        return session.execute(rows).first()


class CRUDTracedComment(CRUDBase[Comment, Nothing, Nothing]):
    """The comments on all recipes, for those who may know where they came from."""

    filters = ("id", "recipe_id", "author_id", "address", "created_at", "updated_at")
    searches = ("text",)
    sorts = ("id", "created_at", "updated_at")


comment = CRUDComment(Comment)
traced_comment = CRUDTracedComment(Comment)
