"""Which version of a row a write may meet."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Column, ColumnElement, false

Versions = frozenset[int] | Literal["*"]
"""Some versions of a row, or any that it may have."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """If-Match and If-None-Match (RFC 9110, section 13.1), as versions; None stands for an absent header."""

    match: Versions | None = None
    none_match: Versions | None = None

    def conditions(self, version: Column[int]) -> Iterable[ColumnElement[bool]]:
        """What makes it part of the statement, so that nothing can come between the check and the write."""
        if isinstance(self.match, frozenset):
            yield version.in_(self.match)
        if isinstance(self.none_match, frozenset):
            yield version.not_in(self.none_match)
        elif self.none_match == "*":
            yield false()


ALWAYS = Precondition()
