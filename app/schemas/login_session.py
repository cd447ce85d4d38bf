"""A session, as its owner sees it."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LoginSessionRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    device: Annotated[str | None, Field(description="What the client said of itself (User-Agent)")]
    address: str | None
    created_at: datetime
    last_used_at: Annotated[datetime, Field(description="When it began or was last refreshed")]
    expires_at: Annotated[datetime, Field(description="At the latest")]


class LoginSessions(BaseModel):
    items: list[LoginSessionRead]
    current_id: Annotated[int | None, Field(description="Which of them the request belongs to")]
