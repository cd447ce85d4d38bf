"""A key for machines, as its owner asks for it and sees it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from app.core.scopes import Scope
from app.schemas.types import Input, Line, Names, Read

KeyScope = Annotated[
    str, StringConstraints(pattern=f"^({'|'.join(scope for scope in Scope if scope != Scope.account_write)})$")
]
"""Not what changes an account: a key that leaks must not become another key, or another password."""


class ApiKeyCreate(Input):
    name: Annotated[Line, Field(examples=["The scales in the kitchen"])]
    scopes: Annotated[
        list[KeyScope],
        Field(
            min_length=1,
            max_length=len(Scope),
            description="None that you do not have",
            examples=[[Scope.recipes_read, Scope.recipes_write]],
        ),
    ]
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 90


class ApiKeyRead(Read):
    name: str
    hint: Annotated[str, Field(description="How the key begins", examples=["larder_Fq3x"])]
    scopes: Names
    expires_at: datetime
    last_used_at: Annotated[datetime | None, Field(description="To about a minute")]


class ApiKeyMade(ApiKeyRead):
    key: Annotated[str, Field(description="Shown this once")]
