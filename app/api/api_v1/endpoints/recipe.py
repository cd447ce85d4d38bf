"""Recipes: anybody reads them, who is signed in adds his own, and their submitter or an editor changes them."""

from typing import Annotated

from fastapi import Query

from app import crud
from app.api.deps import Caller, CurrentUser, SessionDep
from app.api.problems import problems
from app.api.resource import add_resource
from app.api.routing import Router
from app.api.superseded import Superseded
from app.core.scopes import Scope
from app.crud.query import ListQuery
from app.schemas.page import Keyword
from app.schemas.recipe import RecipeCreate, RecipeRead, RecipeSearchResults, RecipeUpdate, SubmitterRead

router = Router("/api/v1/recipes", tags=["recipes"])


@router.get("/search", responses=problems())
@Superseded(by=f"{router.prefix}?q=", since="2026-11-21", sunset="2027-11-21")
def search(
    session: SessionDep,
    keyword: Annotated[Keyword, Query(description="Words to find")],
    max_results: Annotated[int, Query(ge=1, le=100)] = 10,
) -> RecipeSearchResults:
    """Finds recipes by words in their label or source. `GET /recipes?q=` does the same and more."""
    rows = crud.recipe.get_multi(session, ListQuery(q=keyword, limit=max_results))
    return RecipeSearchResults(results=[RecipeRead.model_validate(row) for row in rows])


add_resource(
    router,
    crud.recipe,
    create=RecipeCreate,
    update=RecipeUpdate,
    read=RecipeRead,
    reader=Caller,
    writer=CurrentUser,
    scopes=(Scope.recipes_read, Scope.recipes_write),
    expand={"submitter": SubmitterRead},
)
