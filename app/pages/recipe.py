"""The larder as its visitors see it: all recipes, some of them, one of them."""

from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BeforeValidator

from app import crud
from app.api.deps import SessionDep
from app.api.routing import Router
from app.core.errors import NotFound
from app.core.page_policy import WITH_SCRIPT
from app.crud import feed
from app.crud.query import ListQuery
from app.pages.browser_session import Visitor
from app.pages.html import NO_STORE, page
from app.schemas.page import Words
from app.schemas.types import Id

PAGE_SIZE = 24
"""Recipes on a page: they fill rows of two, of three and of four."""

COMMENTS = 20
"""Comments on a recipe's page, the newest ones."""

LIVE = {"Content-Security-Policy": WITH_SCRIPT}
"""For the page that has comments appear as they are written."""

LAST_PAGE = 1_000
"""The further back, the more rows the database has to skip; who wants something that old had better search."""

POSTS = 24
"""Pictures and videos on the page of a recipe, the newest."""

router = Router("", include_in_schema=False)


def _none_if_blank(q: str) -> str | None:
    return q if q.strip() else None


# A form sends its field also when nothing was typed.
Search = Annotated[Words | None, BeforeValidator(_none_if_blank)]
PageNumber = Annotated[int, Query(ge=1, le=LAST_PAGE, alias="page")]


@router.get("/")
def index(request: Request, session: SessionDep, q: Search = None, number: PageNumber = 1) -> Response:
    offset = (number - 1) * PAGE_SIZE
    wanted = ListQuery(limit=PAGE_SIZE, offset=offset, q=q, sort=("-id",))
    recipes = crud.recipe.get_multi(session, wanted.one_more())
    if offset and not recipes:
        raise NotFound("There are not that many pages")
    more = len(recipes) > PAGE_SIZE and number < LAST_PAGE
    return page(request, "index.html", recipes=recipes[:PAGE_SIZE], q=q, number=number, offset=offset, more=more)


@router.get("/recipes/{id:id}")
def recipe(
    request: Request, session: SessionDep, id: Id, visitor: Visitor, before: Annotated[Id | None, Query()] = None
) -> Response:
    """`before` is the comment that those on the page are older than."""
    recipe = crud.recipe.get_one(session, id)
    heard = feed.head(session, id)  # before the comments: the script asks for what came after
    comments = crud.comment.newest(session, id, COMMENTS + 1, before)
    return page(
        request,
        "recipe.html",
        headers={**(NO_STORE if visitor else {}), **LIVE},
        recipe=recipe,
        posts=crud.post.get_multi(session, ListQuery(limit=POSTS, sort=("-id",), filters={"recipe_id": id})),
        comments=comments[:COMMENTS],
        more=len(comments) > COMMENTS,
        before=before,
        heard=heard,
    )
