"""The filters of a list: `field` and `field__operation`, typed as the column is, and explained."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import GenericAlias
from typing import Annotated, Any

from pydantic import Field, FiniteFloat

from app.schemas import types

MAX_IN = 100
"""Values that `in` takes."""

MEANINGS = {
    "eq": "is this",
    "ne": "is not this",
    "lt": "is less than this",
    "lte": "is this or less",
    "gt": "is greater than this",
    "gte": "is this or greater",
    "in": f"is one of these: the parameter may come up to {MAX_IN} times",
    "icontains": "contains this, in upper or in lower case",
    "startswith": "begins with this, in the same case",
    "isnull": "has no value (`true`), or has one (`false`)",
}
COMPARED = ("eq", "ne", "lt", "lte", "gt", "gte", "in")


@dataclass(frozen=True, slots=True)
class Kind:
    """What columns of one Python type can be asked for."""

    rule: Any
    operations: Sequence[str]
    example: object


KINDS: dict[type, Kind] = {
    str: Kind(types.Text, (*COMPARED, "icontains", "startswith"), "a text"),
    int: Kind(types.Integer, COMPARED, 1),
    float: Kind(FiniteFloat, COMPARED, 1.5),
    bool: Kind(types.Word, ("eq",), True),
    date: Kind(types.Day, COMPARED, "2026-01-31"),
    datetime: Kind(types.Instant, COMPARED, "2026-01-31T12:00:00Z"),
}


def filters_of(column: Any, example: object = None) -> Iterator[tuple[str, Any]]:
    """The parameters of a column, each with its type. Raises `TypeError` for a column of a kind that has none."""
    kind = KINDS.get(column.type.python_type)
    if kind is None:
        raise TypeError(f"{column} cannot be a filter: none is known for {column.type.python_type.__name__}")
    for operation in (*kind.operations, "isnull") if column.nullable else kind.operations:
        rule, examples = kind.rule, [kind.example if example is None else example]
        if operation == "in":
            rule, examples = Annotated[GenericAlias(list, rule), Field(max_length=MAX_IN)], [examples]
        if operation == "isnull":
            rule, examples = types.Word, [False]
        name = column.name if operation == "eq" else f"{column.name}__{operation}"
        yield name, Annotated[rule, Field(description=f"`{column.name}` {MEANINGS[operation]}", examples=examples)]
