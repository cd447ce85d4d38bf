"""Rows that are gone and can come back."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Instant

LIVING = text("deleted_at IS NULL")


class SoftDelete:
    """Mixed into a model: its rows are marked instead of removed, and left out of everything but their restoring."""

    # The index is for `count=exact`, which otherwise reads every row, and for lists of what is deleted.
    deleted_at: Mapped[datetime | None] = mapped_column(Instant, index=True, sort_order=1)


def unique_while_living(name: str, *columns: str) -> Index:
    """A unique index for `__table_args__` that lets values of deleted rows be used again. Name it uq_table_column."""
    return Index(name, *columns, unique=True, postgresql_where=LIVING, sqlite_where=LIVING)
