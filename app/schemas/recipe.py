"""A recipe, as clients send and get it."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.schemas.types import UNSENT, Input, Line, Read, WebUrl

Label = Annotated[Line, Field(examples=["Pea soup"])]
Source = Annotated[Line, Field(examples=["Grandmother"])]
Url = Annotated[WebUrl, Field(examples=["https://example.com/pea-soup"])]


class RecipeCreate(Input):
    label: Label
    source: Source
    url: Url


class RecipeUpdate(Input):
    label: Label = UNSENT
    source: Source = UNSENT
    url: Url = UNSENT


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
