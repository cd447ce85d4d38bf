"""A recipe, as clients send and get it."""

from pydantic import BaseModel

from app.schemas.types import UNSENT, Input, Line, Read, WebUrl


class RecipeCreate(Input):
    label: Line
    source: Line
    url: WebUrl


class RecipeUpdate(Input):
    label: Line = UNSENT
    source: Line = UNSENT
    url: WebUrl = UNSENT


class RecipeRead(Read):
    label: str
    source: str
    url: str
    submitter_id: int | None


class SubmitterRead(BaseModel):
    """What anybody may know of who brought a recipe."""

    id: int
    first_name: str | None
    surname: str | None


class RecipeSearchResults(BaseModel):
    results: list[RecipeRead]
