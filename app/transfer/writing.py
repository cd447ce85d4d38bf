"""Rows as bytes of a file."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from app.transfer.formats import Format, guarded


def header(format: Format, schema: type[BaseModel]) -> bytes:
    return _csv_lines([list(schema.model_fields)]) if format is Format.csv else b""


def lines(format: Format, rows: Iterable[BaseModel]) -> bytes:
    if format is Format.jsonl:
        return b"".join(to_json(row) + b"\n" for row in rows)
    return _csv_lines([_cell(value) for value in row.model_dump(mode="json").values()] for row in rows)


def _csv_lines(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return guarded(value)
    return "" if value is None else to_json(value).decode()
