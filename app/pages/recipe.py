"""The larder as its visitors see it: all recipes, some of them, one of them."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import BeforeValidator

from app import crud
from app.api.deps import SessionDep
from app.api.routing import Router
from app.core.errors import NotFound
from app.crud.query import ListQuery
from app.pages.html import page
from app.schemas.page import Words
from app.schemas.types import Id

PAGE_SIZE = 24
"""Recipes on a page: they fill rows of two, of three and of four."""

LAST_PAGE = 1_000
"""The further back, the more rows the database has to skip; who wants something that old had better search."""

router = Router("", include_in_schema=False)


def _none_if_blank(q: str) -> str | None:
    return q if q.strip() else None


# A form sends its field also when nothing was typed.
Search = Annotated[Words | None, BeforeValidator(_none_if_blank)]
PageNumber = Annotated[int, Query(ge=1, le=LAST_PAGE, alias="page")]


@router.get("/")
def index(session: SessionDep, q: Search = None, number: PageNumber = 1) -> Response:
    offset = (number - 1) * PAGE_SIZE
    wanted = ListQuery(limit=PAGE_SIZE, offset=offset, q=q, sort=("-id",))
    recipes = crud.recipe.get_multi(session, wanted.one_more())
    if offset and not recipes:
        raise NotFound("There are not that many pages")
    more = len(recipes) > PAGE_SIZE and number < LAST_PAGE
    return page("index.html", recipes=recipes[:PAGE_SIZE], q=q, number=number, offset=offset, more=more)


@router.get("/recipes/{id:id}")
def recipe(session: SessionDep, id: Id) -> Response:
    return page("recipe.html", recipe=crud.recipe.get_one(session, id))
