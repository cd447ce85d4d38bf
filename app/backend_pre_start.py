"""Waits until the database answers: `python -m app.backend_pre_start`."""

import time
from pathlib import Path

from sqlalchemy import make_url, text

from app.core.config import settings
from app.db.errors import in_one_line
from app.db.session import engine

PAUSE = 0.5


def wait_for_database() -> None:
    """Returns once the database answers; `SystemExit` with one line after `DATABASE_WAIT` seconds."""
    deadline = time.monotonic() + settings.DATABASE_WAIT
    while reason := _why_not():
        if time.monotonic() > deadline:
            url = make_url(settings.DATABASE_URL).set(query={})  # where a password may be as well
            where = url.render_as_string(hide_password=True)
            raise SystemExit(
                f"Larder cannot start: {where} did not answer within {settings.DATABASE_WAIT:g} s ({reason}). "
                "Check DATABASE_URL and that the database runs."
            )
        time.sleep(PAUSE)


def _why_not() -> str | None:
    try:
        if engine.dialect.name == "sqlite" and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except Exception as error:
        return in_one_line(error)
    return None


if __name__ == "__main__":
    wait_for_database()
