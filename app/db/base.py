"""The base of all tables: what every row has, and how constraints are named."""

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Integer, MetaData, Table, TypeDecorator, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class _SQLiteInstant(TypeDecorator[datetime]):
    """SQLite keeps no time zone: written as UTC, read back as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


Instant = DateTime(timezone=True).with_variant(_SQLiteInstant(), "sqlite")
"""A point in time: an aware `datetime` in UTC."""

Identity = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite only numbers a column of the exact type INTEGER by itself."""


def table_of(model: type["Base"]) -> Table:
    """The table of a model; statements made of its columns, not of the model's attributes, run without the ORM."""
    return cast("Table", model.__table__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Every table has a number for a key, its times, and a version that grows by one with each change."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # Without AUTOINCREMENT, SQLite gives the number of a deleted row to the next one.
    __table_args__: Any = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy only reads it

    id: Mapped[int] = mapped_column(Identity, primary_key=True, sort_order=-1)
    created_at: Mapped[datetime] = mapped_column(Instant, default=utc_now, sort_order=1)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=utc_now, onupdate=utc_now, sort_order=1)
    version: Mapped[int] = mapped_column(default=1, onupdate=text("version + 1"), sort_order=1)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__tablename__" in vars(cls):
            # Most lists are asked for the newest rows first, and what is swept is found by its age.
            Index(None, cls.created_at, cls.id)
