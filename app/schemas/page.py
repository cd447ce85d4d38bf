"""A page of a list: what a client may ask for, and what it gets."""

from types import GenericAlias
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, StringConstraints, create_model

from app.core import patterns
from app.schemas.types import UNSENT, Input

ReadT = TypeVar("ReadT", bound=BaseModel)

Words = Annotated[str, StringConstraints(pattern=patterns.LINE, strip_whitespace=True, max_length=100)]
"""What to search for: words, each of which has to be found."""


Keyword = Annotated[str, StringConstraints(pattern=patterns.LINE, min_length=3, max_length=100)]
"""The same, at least 3 characters as they are sent: were they counted after trimming, no schema could say so."""


class Selection(Input):
    """Which rows, in which order. Each resource adds its filters, its sorts, and `q` and `deleted` if it has them."""


class PageParameters(Selection):
    """Which of them are on the page."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    offset: Annotated[int, Field(ge=0, le=2**31 - 1, description="Not together with `cursor`")] = 0
    cursor: Annotated[
        str, Field(description="`next_cursor` of the page before; any page costs what the first one does")
    ] = UNSENT
    count: Annotated[Literal["exact"], Field(description="`exact` fills `total`; counting is not free")] = UNSENT


class Page(BaseModel, Generic[ReadT]):
    items: list[ReadT]
    next_cursor: Annotated[str | None, Field(description="Null on the last page")] = None
    total: Annotated[int | None, Field(description="Of all pages together; null unless asked for")] = None


def page_of(read: type[ReadT]) -> type[Page[ReadT]]:
    """`Page[read]` under the name that clients will see: RecipePage, not Page_RecipeRead_."""
    name = read.__name__.removesuffix("Read") + "Page"
    fields: dict[str, Any] = {"items": (GenericAlias(list, read), ...)}
    return create_model(name, __base__=Page, **fields)
