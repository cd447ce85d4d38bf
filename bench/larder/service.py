"""Larder as it is, with two more resources on its own recipes: what the harness asks for, in Larder's words.

Whoever writes says who the submitter is, and anybody may change any row. `/api/bench/auth/recipes` takes a token and
answers the same. All else is as with `/api/v1/recipes`, by the same code; some of it minds only what is below `/api/`.
"""

from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement, true

from app.api.deps import Caller, CurrentUser
from app.api.resource import add_resource
from app.api.routing import Router
from app.core import patterns
from app.core.principal import Principal
from app.core.scopes import Scope
from app.crud.base import CRUDBase
from app.main import app
from app.models import Recipe
from app.schemas.recipe import RecipeRead
from app.schemas.types import UNSENT, Id, Input, WebUrl

Line = Annotated[str, StringConstraints(pattern=patterns.LINE, strip_whitespace=True, max_length=255)]


class OpenRecipeCreate(Input):
    label: Line
    url: WebUrl
    source: Line
    submitter_id: Annotated[Id, Field(strict=True)]


class OpenRecipeUpdate(Input):
    label: Line = UNSENT
    url: WebUrl = UNSENT
    source: Line = UNSENT


class CRUDOpenRecipe(CRUDBase[Recipe, OpenRecipeCreate, OpenRecipeUpdate]):
    filters = ("id", "label", "source", "url", "submitter_id", "created_at", "updated_at")
    searches = ("label", "source")
    sorts = ("id", "label", "source", "created_at", "updated_at")

    def changeable(self, caller: Principal | None) -> ColumnElement[bool]:
        return true()


crud = CRUDOpenRecipe(Recipe)


def add(prefix: str, reader: Any = Caller) -> None:
    """One more resource of these recipes."""
    router = Router(prefix, tags=[prefix])
    add_resource(
        router,
        crud,
        create=OpenRecipeCreate,
        update=OpenRecipeUpdate,
        read=RecipeRead,
        reader=reader,
        writer=Caller,
        scopes=(Scope.recipes_read, Scope.recipes_write),
        without=("batch", "import"),
    )
    app.include_router(router)


add("/api/bench/recipes")
add("/api/bench/auth/recipes", CurrentUser)
