"""Rows are written as they are stored, unless their schema has more to say of them than their columns have."""

from datetime import UTC, datetime
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, computed_field, field_serializer, field_validator

from app import crud
from app.api.resource.shown import Shown
from app.schemas.page import page_of
from app.schemas.recipe import RecipeRead


class Checked(RecipeRead):
    @field_validator("label")
    @classmethod
    def _cry(cls, label: str) -> str:
        return label.upper()


class Written(RecipeRead):
    @field_serializer("label")
    def _cry(self, label: str) -> str:
        return label.upper()


class Computed(RecipeRead):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def words(self) -> int:
        return len(self.label.split())


class Renamed(RecipeRead):
    label: str = Field(serialization_alias="name")


class Hidden(RecipeRead):
    label: str = Field(exclude=True)


class Secretive(RecipeRead):
    submitter_id: int | None = Field(exclude_if=lambda value: value is None)


class Ruled(RecipeRead):
    label: Annotated[str, Field(max_length=2)]


class Converted(RecipeRead):
    id: str  # type: ignore[assignment]


def written(schema: type[BaseModel]) -> tuple[bytes, bytes]:
    shown = Shown(crud.recipe, schema, page_of(schema))
    values = {
        "id": 1,
        "label": "Soup",
        "source": "Ann",
        "url": "https://example.com/é",
        "submitter_id": None,
        "created_at": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "updated_at": datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC),
        "version": 1,
    }
    row = tuple(values[name] for name in shown.names)
    return shown.json(row), shown.page([row], "abc", 1)


def by_the_schema(schema: type[BaseModel]) -> tuple[bytes, bytes]:
    row = {
        "id": 1,
        "created_at": "2026-01-31T12:00:00Z",
        "updated_at": "2026-01-31T12:00:00.000005Z",
        "version": 1,
        "label": "Soup",
        "source": "Ann",
        "url": "https://example.com/é",
        "submitter_id": None,
    }
    one = schema.model_validate(row, strict=False)
    page = page_of(schema)(items=[one], next_cursor="abc", total=1)
    return one.model_dump_json(by_alias=True).encode(), page.model_dump_json(by_alias=True).encode()


@pytest.mark.parametrize("schema", [RecipeRead, Checked, Written, Computed, Renamed, Hidden, Secretive])
def test_row_is_written_as_its_schema_says(schema: type[BaseModel]) -> None:
    assert written(schema) == by_the_schema(schema)


@pytest.mark.parametrize("schema", [Ruled, Converted])
def test_row_that_its_schema_does_not_allow_is_refused(schema: type[BaseModel]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        written(schema)


def test_column_that_may_be_null_has_to_be_said_to_be() -> None:
    class Bold(RecipeRead):
        submitter_id: int

    with pytest.raises(ValueError, match="1 validation error"):
        written(Bold)
