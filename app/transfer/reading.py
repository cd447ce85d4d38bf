"""Rows out of a file, one by one, each with the number of its line."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import IO, TypeVar

from pydantic import BaseModel, ValidationError

from app.core.errors import FieldError, Invalid
from app.transfer.formats import Format, unguarded

MAX_LINE = 64 * 1024
"""Bytes of a JSON line, and characters of a CSV cell."""

RowT = TypeVar("RowT", bound=BaseModel)
Rows = Iterator[tuple[int, RowT | list[FieldError]]]
"""For each line that is not empty: its number, and the row or what is wrong with it."""


def read_rows(format: Format, file: IO[bytes], schema: type[RowT]) -> Rows[RowT]:
    """Reads as it goes. Raises `Invalid` where the file is broken and the rest cannot be read."""
    return _read_csv(file, schema) if format is Format.csv else _read_jsonl(file, schema)


def _read_jsonl(file: IO[bytes], schema: type[RowT]) -> Rows[RowT]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise _broken(number, f"is longer than {MAX_LINE} bytes")
        if line.strip():
            yield number, _row(number, schema.model_validate_json, line)


def _read_csv(file: IO[bytes], schema: type[RowT]) -> Rows[RowT]:
    # What is not UTF-8 becomes a lone surrogate, which the schema refuses in its place.
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(MAX_LINE)
    reader = csv.reader(text, strict=True)
    try:
        names = next(reader, [])
        if not names or len({*names}) < len(names) or not {*names} <= schema.model_fields.keys():
            raise _broken(1, f"has to name columns, each once: {', '.join(schema.model_fields)}")
        for cells in reader:
            if len(cells) == len(names):
                values = {name: unguarded(cell) for name, cell in zip(names, cells, strict=True) if cell}
                yield reader.line_num, _row(reader.line_num, schema.model_validate_strings, values)
            elif cells:
                yield reader.line_num, [_error(reader.line_num, f"has {len(cells)} cells, not {len(names)}", "cells")]
    except csv.Error as error:
        raise _broken(reader.line_num, str(error)) from error
    finally:
        text.detach()


def _row(number: int, validate: Callable[..., RowT], given: object) -> RowT | list[FieldError]:
    try:
        return validate(given)
    except ValidationError as error:
        return [
            FieldError("/".join(["", str(number), *map(str, one["loc"])]), one["msg"], one["type"])
            for one in error.errors(include_input=False, include_url=False, include_context=False)
        ]


def _broken(line: int, detail: str) -> Invalid:
    return Invalid("The file cannot be read", _error(line, detail, "file"))


def _error(line: int, detail: str, type: str) -> FieldError:
    return FieldError(f"/{line}", detail, type)
