"""A login, as clients send it (RFC 6749, section 4.3), what it answers (section 5.1), and how that is renewed."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from app.core.scopes import Scope
from app.schemas.types import Code, Input, Text

SCOPES = "^({0})?( ({0}))*$".format("|".join(Scope))
"""Names separated by spaces (RFC 6749, section 3.3)."""

AskedScope = Annotated[
    str, StringConstraints(pattern=SCOPES), Field(description="What the tokens are to be good for; all by default")
]


class Login(BaseModel):
    """Unknown fields are ignored, as RFC 6749 wants it; `username` is the e-mail."""

    username: Text
    password: Annotated[Text, Field(json_schema_extra={"format": "password"})]
    grant_type: Literal["password"] = "password"
    scope: AskedScope = ""
    code: Code | None = None


class Token(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105, a scheme and no password
    expires_in: Annotated[int, Field(description="Seconds")]
    scope: Annotated[str, Field(description="What they are good for now; less than was asked for if you may do less")]
    refresh_token: Annotated[str, Field(description="For `POST /auth/refresh`; good for one use")]


class Refresh(Input):
    refresh_token: Text
