"""What happened to an account, as its owner sees it."""

from typing import Annotated

from pydantic import Field

from app.schemas.types import Read


class EventRead(Read):
    what: Annotated[str, Field(description="What happened", examples=["signed_in"])]
    detail: Annotated[str | None, Field(description="Such as the role that was given")]
    actor_id: Annotated[int | None, Field(description="Who did it, if it was not you")]
    address: str | None
    device: Annotated[str | None, Field(description="What the client said of itself (User-Agent)")]
