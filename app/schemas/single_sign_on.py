"""Single sign-on: what providers say, what clients send, and what both get."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, ValidatorFunctionWrapHandler
from pydantic.functional_validators import WrapValidator

from app.core import patterns
from app.schemas.account import CurrentPassword
from app.schemas.types import Code, Email, Flag, Input, Line, Text


def _or_nothing(value: object, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


IfUsable = WrapValidator(_or_nothing)
"""A claim that breaks the rules of this service is as good as none."""


class Claims(BaseModel):
    """What a provider says of somebody (OpenID Connect Core, section 5.1), as far as it is used here."""

    iss: str
    sub: Annotated[str, StringConstraints(pattern=patterns.TEXT, min_length=1, max_length=255)]
    email: Annotated[Email | None, IfUsable] = None
    email_verified: Annotated[Flag | None, IfUsable] = None
    given_name: Annotated[Line | None, IfUsable] = None
    family_name: Annotated[Line | None, IfUsable] = None

    @property
    def verified_email(self) -> str | None:
        return self.email if self.email_verified else None


class ProviderAnswer(BaseModel):
    """What the browser brings back from the provider (RFC 6749, section 4.1.2; `iss`: RFC 9207)."""

    model_config = ConfigDict(extra="ignore")

    state: Text
    code: Text | None = None
    iss: Text | None = None
    error: Text | None = None


class LinkStart(Input):
    current_password: CurrentPassword
    code: Code | None = None


class LinkStarted(BaseModel):
    url: Annotated[str, Field(description="Where the browser has to go now; it got a cookie to come back with")]


class LinkedIdentityRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    issuer: Annotated[str, Field(description="The provider")]
    subject: Annotated[str, Field(description="What the provider calls you")]
    created_at: datetime


class LinkedIdentities(BaseModel):
    items: list[LinkedIdentityRead]
