"""Rows out of a file, one by one, each with the number of its line."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.core.errors import FieldError, Invalid
from app.transfer.formats import Format, unguarded

MAX_LINE = 64 * 1024
"""Bytes of a JSON line, and characters of a CSV record with all its lines: what memory has to hold at once."""

RowT = TypeVar("RowT", bound=BaseModel)
Rows = Iterator[tuple[int, RowT | list[FieldError]]]
"""For each row: the number of its (first) line, and the row or what is wrong with it. Empty lines are passed over."""


def read_rows(format: Format, file: IO[bytes], schema: type[RowT]) -> Rows[RowT]:
    """Reads as it goes. Raises `Invalid` where the file is broken and the rest cannot be read.

    It is UTF-8, with a byte order mark or without; lines end as on any system.
    """
    return _read_csv(file, schema) if format is Format.csv else _read_jsonl(file, schema)


def _read_jsonl(file: IO[bytes], schema: type[RowT]) -> Rows[RowT]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise _broken(number, f"is longer than {MAX_LINE} bytes")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line := line.strip():
            yield number, _row(number, schema.model_validate_json, line)


def _read_csv(file: IO[bytes], schema: type[RowT]) -> Rows[RowT]:
    records = _read_records(file)
    nothing: tuple[int, list[str]] = (1, [])
    _, names = next(records, nothing)
    if not names or len({*names}) < len(names) or not {*names} <= schema.model_fields.keys():
        raise _broken(1, f"has to name columns, each once: {', '.join(schema.model_fields)}")
    for number, cells in records:
        if len(cells) == len(names):
            # In CSV nothing and an empty text look the same; here both mean that there is none.
            values = {name: unguarded(cell) for name, cell in zip(names, cells, strict=True) if cell}
            yield number, _row(number, schema.model_validate_strings, values)
        elif cells:
            yield number, [_error(number, f"has {len(cells)} cells, not {len(names)}", "cells")]


def _read_records(file: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The cells of each record, which takes more than one line where a cell has line breaks."""
    # What is not UTF-8 becomes a lone surrogate, which the schema refuses in its place.
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    number, size = 1, 0

    def lines() -> Iterator[str]:
        nonlocal size
        while line := text.readline(MAX_LINE + 1):
            size += len(line)
            if size > MAX_LINE:
                raise _broken(number, f"is longer than {MAX_LINE} characters, or a quote is never closed")
            yield line

    reader = csv.reader(lines(), strict=True)
    try:
        for cells in reader:
            yield number, cells
            number, size = reader.line_num + 1, 0
    except csv.Error as error:
        raise _broken(number, f"is not CSV: {error}") from error
    finally:
        if not file.closed:
            text.detach()  # or it would close the file, which is not its own


def _row(number: int, validate: Callable[..., RowT], given: object) -> RowT | list[FieldError]:
    try:
        return validate(given)
    except ValidationError as error:
        return [_field_error(number, one) for one in error.errors(include_input=False, include_url=False)]


def _field_error(number: int, error: Any) -> FieldError:
    # Of JSON, Pydantic was given this one line and speaks of "line 1"; the pointer knows better.
    detail = error["msg"].replace(" at line 1 column ", " at column ")
    return FieldError("/".join(["", str(number), *map(_token, error["loc"])]), detail, error["type"])


def _token(name: object) -> str:
    """A part of a JSON pointer (RFC 6901); what a client made up is cut short."""
    return str(name)[:100].replace("~", "~0").replace("/", "~1")


def _broken(line: int, detail: str) -> Invalid:
    return Invalid("The file cannot be read", _error(line, detail, "file"))


def _error(line: int, detail: str, type: str) -> FieldError:
    return FieldError(f"/{line}", detail, type)
