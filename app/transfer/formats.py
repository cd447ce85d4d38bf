"""The formats of files: CSV (RFC 4180) and JSON Lines, in UTF-8."""

from enum import StrEnum


class Format(StrEnum):
    csv = "csv"
    jsonl = "jsonl"

    @property
    def media_type(self) -> str:
        return {"csv": "text/csv", "jsonl": "application/jsonl"}[self.value]


RISKY = ("=", "+", "-", "@", "\t", "\r", "'")
"""How a text begins that a spreadsheet may take for a formula (OWASP, CSV injection), and the mark against it."""


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet runs: with an apostrophe before it if need be."""
    return f"'{text}" if text.startswith(RISKY) else text


def unguarded(cell: str) -> str:
    """The text of such a cell."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(RISKY) else cell
