"""Routes that have a better one, and say so until they go."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeVar

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])

ATTRIBUTE = "superseded"


@dataclass(frozen=True, slots=True)
class Superseded:
    """By which path, since when, and until when the old one is served. Dates are ISO 8601 and mean midnight in UTC."""

    by: str
    since: str
    sunset: str

    def __post_init__(self) -> None:
        if _midnight(self.sunset) < _midnight(self.since):
            raise ValueError("The sunset comes before the deprecation (RFC 9745, section 4)")

    def __call__(self, endpoint: EndpointT) -> EndpointT:
        """Decorates an endpoint, below its route."""
        setattr(endpoint, ATTRIBUTE, self)
        return endpoint

    def headers(self) -> dict[str, str]:
        """Deprecation (RFC 9745), Sunset (RFC 8594), and the link to the successor (RFC 5829)."""
        return {
            "Deprecation": f"@{int(_midnight(self.since).timestamp())}",
            "Sunset": format_datetime(_midnight(self.sunset), usegmt=True),
            "Link": f'<{self.by}>; rel="successor-version"',
        }


def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def superseded_by(endpoint: Callable[..., Any]) -> Superseded | None:
    found: Superseded | None = getattr(endpoint, ATTRIBUTE, None)
    return found
