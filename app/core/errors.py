"""What can go wrong, in the domain's own words. Each error carries the HTTP status that `app.api.errors` gives it.

DomainError
├── BadRequest            400
├── NotAuthenticated      401
├── SecondFactorRequired  401
├── NotAllowed            403
│   └── InsufficientScope
├── NotFound              404
├── Conflict              409
├── PreconditionFailed    412
├── ContentTooLarge       413
├── UnsupportedMediaType  415
├── Invalid               422
├── PreconditionRequired  428
├── TooManyRequests       429
├── BadGateway            502
├── Unavailable           503
├── GatewayTimeout        504
└── InsufficientStorage   507
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class FieldError:
    """One rejected part of a request.

    `pointer` is a JSON pointer (RFC 6901) into the body, such as "/label"; a part of the URL or a header is named
    by its place, such as "query/limit".
    """

    pointer: str
    detail: str
    type: str


class DomainError(Exception):
    """The root: raised anywhere, caught once. `detail` is shown to the caller, so it holds no secret and no SQL.

    `type` and `title` are those of RFC 9457: of an error that clients have to tell from others of its status.
    """

    status: ClassVar[int]
    type: ClassVar[str] = "about:blank"
    title: ClassVar[str | None] = None
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, *errors: FieldError) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors

    def within(self, place: str) -> Self:
        """The same error in a part of the request, such as /items/3."""
        inner = self.errors or (FieldError("", self.detail, type(self).__name__),)
        return type(self)(self.detail, *(replace(one, pointer=place + one.pointer) for one in inner))


class BadRequest(DomainError):
    status = 400


class NotAuthenticated(DomainError):
    status = 401
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class SecondFactorRequired(DomainError):
    """All else was right. Nothing was guessed, so it is no `NotAuthenticated`: those are counted."""

    status = 401
    type = "urn:larder:second-factor-required"
    title = "Second factor required"
    # RFC 9470, section 3.
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer error="insufficient_user_authentication"'}


class NotAllowed(DomainError):
    status = 403


class InsufficientScope(NotAllowed):
    """The token, or its account, is not good for this (RFC 6750, section 3.1)."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This takes the scope {scope}")
        self.headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}


class NotFound(DomainError):
    status = 404


class Conflict(DomainError):
    status = 409


class PreconditionFailed(DomainError):
    status = 412


class PreconditionRequired(DomainError):
    status = 428


class TooManyRequests(DomainError):
    """A limit was reached; the same request may be sent again after so many seconds."""

    status = 429

    def __init__(self, detail: str, seconds: int) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(seconds)}


class ContentTooLarge(DomainError):
    status = 413


class UnsupportedMediaType(DomainError):
    status = 415


class Invalid(DomainError):
    status = 422


class BadGateway(DomainError):
    status = 502


class Unavailable(DomainError):
    """Nothing was done; the same request may be sent again after `Retry-After` seconds."""

    status = 503
    headers: Mapping[str, str] = {"Retry-After": "1"}


class GatewayTimeout(DomainError):
    status = 504


class InsufficientStorage(DomainError):
    """There is no room left (RFC 4918, section 11.5)."""

    status = 507
