"""Moves the rows that the harness gives into tables that Larder's own migrations make."""

import tomllib
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from app.api.resource.parameters import cursors
from app.crud.query import ListQuery
from app.db.session import engine
from app.models import Recipe
from bench.larder.service import crud

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

MOVE = """
    INSERT INTO "user" (id, email, hashed_password, first_name, is_active, is_superuser, token_generation,
                        created_at, updated_at, version)
    SELECT id, email, hashed_password, full_name, is_active, is_superuser, 1, created_at, updated_at, 1
    FROM given."user";
    INSERT INTO recipe (id, label, url, source, submitter_id, created_at, updated_at, version)
    SELECT id, label, url, source, submitter_id, created_at, updated_at, 1 FROM given.recipe;
    -- Everybody is signed in, in the session of his own number, as contender.toml has the tokens say.
    INSERT INTO login_session (id, user_id, generation, family_hash, secret_hash, last_used_at, expires_at,
                               created_at, updated_at, version)
    SELECT id, id, 1, sha256(id::text::bytea), sha256(id::text::bytea), now(), now() + interval '1 day', now(), now(), 1
    FROM "user";
    SELECT setval(pg_get_serial_sequence('"user"', 'id'), max(id)) FROM "user";
    SELECT setval(pg_get_serial_sequence('recipe', 'id'), max(id)) FROM recipe;
    SELECT setval(pg_get_serial_sequence('login_session', 'id'), max(id)) FROM login_session;
    DROP SCHEMA given CASCADE;
"""


def check_cursor() -> None:
    """A cursor is signed, so the one in contender.toml is only good for one secret and one way of writing cursors."""
    right = cursors(crud, ListQuery()).write(Recipe(id=90_000))
    path: str = tomllib.loads((HERE / "contender.toml").read_text())["ops"]["deep"]["path"]
    if path.partition("cursor=")[2] != right:
        raise SystemExit(f"contender.toml is stale: the cursor of [ops.deep] has to be {right}")


def load() -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER SCHEMA public RENAME TO given"))
        connection.execute(text("CREATE SCHEMA public"))
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    command.upgrade(config, "head")
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(MOVE))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    check_cursor()
    load()
