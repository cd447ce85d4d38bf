"""The formats of files: CSV (RFC 4180) and JSON Lines, in UTF-8."""

from enum import StrEnum


class Format(StrEnum):
    csv = "csv"
    jsonl = "jsonl"

    @property
    def media_type(self) -> str:
        return {"csv": "text/csv", "jsonl": "application/jsonl"}[self.value]


RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")
"""How a text begins that a spreadsheet may take for a formula, also in full width (OWASP, CSV injection; ASVS 1.2.10),
and the mark against it."""


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet runs: with an apostrophe before it if need be."""
    return f"'{text}" if _is_risky(text) else text


def unguarded(cell: str) -> str:
    """The text of such a cell."""
    return cell[1:] if cell.startswith("'") and _is_risky(cell[1:]) else cell


def _is_risky(text: str) -> bool:
    return text.lstrip(" ").startswith(RISKY)
