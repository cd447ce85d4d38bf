"""A post, as clients send and get it. Its file comes beside what is here; see `app.api.receiving`."""

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from app.core import patterns
from app.core.media_url import media_url
from app.schemas.types import UNSENT, Id, Input, Read

Caption = Annotated[
    str,
    StringConstraints(pattern=patterns.LINE, strip_whitespace=True, max_length=512),
    Field(description="What is to be seen, also for those who cannot see it", examples=["Pea soup with mint"]),
]
RecipeId = Annotated[Id, Field(description="The recipe that it is of")]


def _address(key: object) -> object:
    return media_url(key) if isinstance(key, str) else key


Address = Annotated[str, BeforeValidator(_address), Field(json_schema_extra={"format": "uri-reference"})]


class PostCreate(Input):
    caption: Caption
    recipe_id: RecipeId | None = None


class PostUpdate(Input):
    caption: Caption = UNSENT
    recipe_id: RecipeId | None = UNSENT


class PostRead(Read):
    caption: str
    recipe_id: int | None
    owner_id: int
    url: Annotated[Address, Field(validation_alias="key", examples=["/media/0f…c4.jpg"])]
    thumbnail_url: Annotated[
        Address | None,
        Field(validation_alias="thumbnail_key", description="At most 480 by 480 pixels; null until it is made"),
    ]
    media_type: str
    size: Annotated[int, Field(description="Bytes")]
    width: Annotated[int | None, Field(description="Pixels")]
    height: Annotated[int | None, Field(description="Pixels")]
