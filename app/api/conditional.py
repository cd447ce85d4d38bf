"""Conditional requests (RFC 9110, section 13): a row's version is its entity tag."""

import re
from typing import Annotated, Any

from fastapi import Depends, Request

from app.core.config import settings
from app.core.errors import BadRequest, PreconditionFailed, PreconditionRequired
from app.crud.precondition import ALWAYS, Precondition, Versions

TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
# Whoever reads a list has to bear empty elements in it (RFC 9110, section 5.6.1.2).
TAGS = rf"[ \t,]*{TAG}([ \t]*,[ \t,]*{TAG})*[ \t,]*"

PARAMETERS: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "header",
        "required": False,
        "description": f"{meaning}: entity tags, separated by commas, or `*`",
        "schema": {"type": "string", "pattern": rf"^(\*|{TAGS})$"},
        "example": '"3"',
    }
    for name, meaning in {
        "If-Match": "Only if it is still in one of these versions",
        "If-None-Match": "Only if it is in none of these versions",
    }.items()
]
"""What OpenAPI says of the two headers."""

ETAG: dict[str, Any] = {
    "ETag": {"description": "Its version, for If-Match and If-None-Match", "schema": {"type": "string"}}
}
"""And of the header that they repeat."""

CREATED: dict[str, Any] = {
    "Location": {"description": "Where it is", "schema": {"type": "string", "format": "uri-reference"}},
    **ETAG,
}
"""And of those that lead to a new row."""


def etag(version: int) -> str:
    """A strong tag: rows of the same version are the same to the byte."""
    return f'"{version}"'


async def get_precondition(request: Request) -> Precondition:
    headers = request.headers
    if "If-Match" not in headers and "If-None-Match" not in headers:
        return ALWAYS
    return Precondition(_versions(request, "If-Match", weak=False), _versions(request, "If-None-Match", weak=True))


async def get_write_precondition(precondition: Annotated[Precondition, Depends(get_precondition)]) -> Precondition:
    """What a write must meet. 428 when a setting demands If-Match and there is none (RFC 6585, section 3)."""
    if precondition.match is None and settings.REQUIRE_IF_MATCH:
        raise PreconditionRequired("Send If-Match with the ETag of what you mean to change")
    return precondition


WritePrecondition = Annotated[Precondition, Depends(get_write_precondition)]
ReadPrecondition = Annotated[Precondition, Depends(get_precondition)]


def is_known(precondition: Precondition, version: int | None) -> bool:
    """Whether the reader has this version already (304); `PreconditionFailed` when he wanted another one.

    What has no tag, hence None, is in no version that a header could name, and is nevertheless there for `*`.
    """
    if isinstance(precondition.match, frozenset) and version not in precondition.match:
        raise PreconditionFailed("It is not in the version that If-Match asks for")
    none_match = precondition.none_match
    return none_match == "*" or (none_match is not None and version in none_match)


def _versions(request: Request, name: str, *, weak: bool) -> Versions | None:
    """The versions that a header names. A weak tag counts where the comparison is weak; a foreign tag is nobody's."""
    lines = request.headers.getlist(name)
    if not lines:
        return None
    value = ", ".join(lines)
    if value.strip() == "*":
        return "*"
    if not re.fullmatch(TAGS, value):
        raise BadRequest(f"{name} has to hold entity tags, or *")
    tags = [tag for is_weak, tag in re.findall(TAG, value) if weak or not is_weak]
    return frozenset(int(tag) for tag in tags if re.fullmatch("[1-9][0-9]{0,8}", tag))
