"""A comment, as clients send and get it, and as those get it who look after the service."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.core import patterns
from app.schemas.types import UNSENT, Input, Read

CommentText = Annotated[
    str,
    StringConstraints(pattern=patterns.NOT_BLANK, max_length=5000),
    Field(description="Kept as it is sent: markup is text", examples=["With mint it is even better."]),
]


class CommentCreate(Input):
    text: CommentText


class CommentUpdate(Input):
    text: CommentText = UNSENT


class CommentRead(Read):
    recipe_id: int
    author_id: Annotated[int | None, Field(description="Null when the account is gone")]
    text: str


class TracedCommentRead(CommentRead):
    address: Annotated[str | None, Field(description="Where it was sent from")]
