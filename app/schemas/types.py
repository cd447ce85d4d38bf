"""Named rules for single values, shared by the schemas that clients may send."""

import re
from datetime import UTC, date, datetime
from types import GenericAlias
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    create_model,
)

from app.core import patterns
from app.core.password_rules import MAX_LENGTH, MIN_LENGTH, is_common

MAX_INTEGER = 2**53 - 1
"""The largest number that every JSON parser keeps exact (RFC 8259, section 6)."""

Id = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
"""The key of a row."""

Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""How often a row was written."""

Line = Annotated[str, StringConstraints(pattern=patterns.LINE, strip_whitespace=True, max_length=256)]
"""One line of text, 1 to 256 characters, without control characters."""

WebUrl = Annotated[str, StringConstraints(pattern=patterns.WEB_URL, max_length=2048)]
"""An http or https address, at most 2,048 characters, kept as it was sent."""

Email = Annotated[str, StringConstraints(pattern=patterns.EMAIL, max_length=254, to_lower=True)]
"""An e-mail address as HTML defines it, at most 254 characters (RFC 5321), in lower case."""


def _not_common(value: str) -> str:
    if is_common(value):
        raise ValueError("is one of the most common passwords")
    return value


Password = Annotated[
    str,
    StringConstraints(pattern=patterns.TEXT, min_length=MIN_LENGTH, max_length=MAX_LENGTH),
    AfterValidator(_not_common),
    Field(json_schema_extra={"format": "password"}),
]
"""A new password: 12 to 1,024 characters of any kind but NUL, and none of the common ones."""

Code = Annotated[
    str,
    StringConstraints(pattern=patterns.TEXT, min_length=1, max_length=64),
    Field(description="Of the second factor: six digits, or a recovery code", examples=["123456"]),
]
"""Of any form: what is no code is a wrong one."""

Flag = Annotated[bool, Strict()]
"""true or false, and nothing that merely looks like it."""


def _only_rfc_3339(value: object) -> object:
    # Pydantic would take a bare number too, as seconds since 1970.
    if not isinstance(value, datetime) and not (isinstance(value, str) and re.match(patterns.INSTANT, value)):
        raise ValueError("has to be a date and time with its offset, such as 2026-01-31T12:00:00Z")
    return value


def _only_a_day(value: object) -> object:
    if not isinstance(value, date) and not (isinstance(value, str) and re.match(patterns.DAY, value)):
        raise ValueError("has to be a day, such as 2026-01-31")
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside of the years 1 to 9999") from None


Instant = Annotated[AwareDatetime, BeforeValidator(_only_rfc_3339), AfterValidator(_to_utc)]
"""A point in time with its offset (RFC 3339), as UTC."""

Day = Annotated[date, BeforeValidator(_only_a_day)]
"""A day of the calendar (RFC 3339, full-date)."""

Text = Annotated[str, StringConstraints(pattern=patterns.TEXT, min_length=1, max_length=2048)]
"""Any text without NUL, 1 to 2,048 characters; what texts are compared with."""

Integer = Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
"""Any whole number that JSON keeps exact."""


def _only_true_or_false(value: object) -> object:
    if value not in ("true", "false", True, False):
        raise ValueError("has to be true or false")
    return value


Word = Annotated[bool, BeforeValidator(_only_true_or_false)]
"""true or false as a query parameter, where everything is text."""

UNSENT: Any = Field(default_factory=lambda: None)
"""Marks a field that a client may leave out, and that then stays as it is. `null` has to be allowed by its type."""


class Input(BaseModel):
    """What a client may send. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Input):
    """In the place of what clients may not send."""


def _split(value: object) -> object:
    return value.split() if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_split)]
"""What a column holds as names separated by spaces."""


class Read(BaseModel):
    """What a client gets. It holds no input rules, so that a tightened rule never hides an old row."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    created_at: datetime
    updated_at: datetime
    version: int


MAX_BATCH = 1000


def items_of(name: str, item: type[BaseModel]) -> type[BaseModel]:
    """`{"items": [...]}` with 1 to 1,000 of them."""
    items: Any = Annotated[GenericAlias(list, item), Field(min_length=1, max_length=MAX_BATCH)]
    return create_model(name, __base__=Input, items=(items, ...))
