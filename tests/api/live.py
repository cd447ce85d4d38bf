"""The application on its real sessions: each request commits on a connection of its own, and may meet another one."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine

from app.db import session as database
from app.db.base import Base


@contextmanager
def live(engine: Engine) -> Iterator[None]:
    """For as long as the context lasts. Afterwards the database is as empty as before."""
    database.WriteSessions.configure(bind=engine)
    database.ReadSessions.configure(bind=database.reading(engine))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "engine", engine)
        yield
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    # The job threads keep the connections that they had: let them, and give the tests to come as many as before.
    engine.dispose()
    database.reading.cache_clear()
