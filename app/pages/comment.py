"""Comments as the page of a recipe has them: written, changed and removed, without JavaScript."""

from typing import Annotated

from fastapi import Depends, Form, Request, Response
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from app import crud
from app.api.api_v1.endpoints import comment
from app.api.deps import SessionDep
from app.api.resource.reading import RowId
from app.api.routing import Router
from app.api.throttling import COMMENTS
from app.core.errors import PreconditionFailed
from app.core.principal import Principal
from app.crud.precondition import Precondition
from app.db.session import Session
from app.models import Comment
from app.pages.browser_session import BrowserUser, count
from app.pages.form import FormPage
from app.pages.html import to
from app.pages.same_origin import SAME_ORIGIN
from app.schemas.comment import CommentCreate, CommentText, CommentUpdate
from app.schemas.types import Version

router = Router("/recipes/{id:id}/comments", include_in_schema=False)

WRITE = FormPage("comment.html", "text")
CHANGE = FormPage("comment-change.html", "text", "version")


def _as_typed(text: str) -> str:
    """A form has two characters for the end of a line, where whoever typed it sees one."""
    if not text.strip():
        raise PydanticCustomError("missing", "is missing")
    return text.replace("\r\n", "\n")


class CommentForm(CommentCreate):
    text: Annotated[CommentText, BeforeValidator(_as_typed)]


class ChangeForm(CommentForm):
    version: Version
    """The one that was read when the form was filled in."""


async def count_comment(request: Request, caller: BrowserUser) -> None:
    await count(request, COMMENTS, caller)


@router.get("")
async def show(id: RowId) -> Response:
    """Where a browser is after a form that was not taken, and comes back to when it reloads."""
    return to_comments(id)


@router.post("", dependencies=[Depends(WRITE), SAME_ORIGIN, Depends(count_comment)])
def create(session: SessionDep, caller: BrowserUser, id: RowId, data: Annotated[CommentForm, Form()]) -> Response:
    crud.recipe.get_one(session, id, caller)
    comment.resource.create_row(session, data, caller, {"recipe_id": id})
    return to_comments(id)


@router.get("/{comment_id:id}")
def show_change(request: Request, session: SessionDep, caller: BrowserUser, id: RowId, comment_id: RowId) -> Response:
    comment = _own(session, caller, id, comment_id)
    return CHANGE.show(request, text=comment.text, version=str(comment.version))


@router.post("/{comment_id:id}", dependencies=[Depends(CHANGE), SAME_ORIGIN])
def change(
    request: Request,
    session: SessionDep,
    caller: BrowserUser,
    id: RowId,
    comment_id: RowId,
    *,
    data: Annotated[ChangeForm, Form()],
) -> Response:
    """What was written meanwhile, in another window or by the API, is shown before it is written over."""
    crud.recipe.get_one(session, id, caller)
    known, text = Precondition(frozenset({data.version})), CommentUpdate(text=data.text)
    try:
        crud.comment.within(recipe_id=id).update(session, comment_id, text, caller, known)
    except PreconditionFailed:
        now = _own(session, caller, id, comment_id)
        again = CHANGE.show(request, text=data.text, version=str(now.version), now=now.text)
        again.status_code = 412
        return again
    return to(f"/recipes/{id}#comment-{comment_id}")


@router.post("/{comment_id:id}/remove", dependencies=[SAME_ORIGIN])
def remove(session: SessionDep, caller: BrowserUser, id: RowId, comment_id: RowId) -> Response:
    crud.recipe.get_one(session, id, caller)
    crud.comment.within(recipe_id=id).remove(session, comment_id, caller)
    return to_comments(id)


def _own(session: Session, caller: Principal, recipe_id: int, id: int) -> Comment:
    """A comment that he may change; refused as the change would be."""
    crud.recipe.get_one(session, recipe_id, caller)
    return crud.comment.within(recipe_id=recipe_id).update(session, id, CommentUpdate(), caller)


def to_comments(recipe_id: int) -> Response:
    return to(f"/recipes/{recipe_id}#comments")
