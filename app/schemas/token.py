"""A login, as clients send it (RFC 6749, section 4.3) and what it answers (section 5.1)."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.schemas.types import Text


class Login(BaseModel):
    """Unknown fields are ignored, as RFC 6749 wants it; `username` is the e-mail."""

    username: Text
    password: Annotated[Text, Field(json_schema_extra={"format": "password"})]
    grant_type: Literal["password"] = "password"


class Token(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105, a scheme and no password
    expires_in: Annotated[int, Field(description="Seconds")]
