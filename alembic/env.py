"""Runs migrations in one transaction, one program at a time."""

from typing import Literal

from alembic import context
from sqlalchemy import DateTime, text
from sqlalchemy.exc import SQLAlchemyError

from app import models  # noqa: F401 - fills the metadata
from app.core.errors import DomainError
from app.db.base import Base
from app.db.errors import in_one_line
from app.db.lock import take_turn
from app.db.session import engine

LOCK_TIMEOUT = "10s"
"""How long a migration waits for a table that others use, before it gives up and changes nothing."""


def render_item(kind: str, item: object, _: object) -> str | Literal[False]:
    """Migrations name no type of the application, which may change after they were written."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, DateTime) else False


def run_migrations() -> None:
    with engine.begin() as connection:
        take_turn(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render_item,
            render_as_batch=True,
            transactional_ddl=True,
        )
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations need the database: leave out --sql")
try:
    run_migrations()
except (DomainError, SQLAlchemyError) as error:
    raise SystemExit(f"Larder cannot start: a migration failed, nothing changed: {in_one_line(error)}") from None
