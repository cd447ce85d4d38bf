"""What those hear who watch a recipe, and what they may say on a WebSocket."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.schemas.comment import CommentRead
from app.schemas.recipe import SubmitterRead

Ref = Annotated[str | None, Field(max_length=64)]
"""Whatever the client likes; the answer has it too."""


class CommentShown(CommentRead):
    author: SubmitterRead | None


class CommentEvent(BaseModel):
    """What happened to a comment, and how it is now; null when it is gone."""

    type: str
    number: int
    comment_id: int
    comment: CommentShown | None


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    ref: Ref = None


class CommentSaid(_Said):
    """Taken for the body of a POST, whose rules are its own."""

    type: Literal["comment"]
    text: str


class TypingSaid(_Said):
    type: Literal["typing"]


class AuthenticateSaid(_Said):
    """At any time, and again before the token expires."""

    type: Literal["authenticate"]
    token: str


Said = CommentSaid | TypingSaid | AuthenticateSaid

said: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="type")])
