"""A service on a database of its own, as a first start leaves it, with the first superuser signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app.crud import login_session
from app.models import User
from tests.conftest import in_session
from tests.support.service import Service, prestart


def as_superuser() -> dict[str, str]:
    """The headers of the first superuser from now on: the first row of both tables in each prepared database."""
    return in_session(user_id=1, session_id=1)


def prepare(url: str) -> None:
    assert prestart(DATABASE_URL=url).returncode == 0
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        login_session.begin(session, session.get_one(User, 1))
    engine.dispose()


@contextmanager
def own_service(url: str, **settings: Any) -> Iterator[Service]:
    """Two workers on an empty database. Prints what the service has to say when a test fails."""
    prepare(url)
    with Service(DATABASE_URL=url, WEB_CONCURRENCY=2, LOG_LEVEL="WARNING", **settings) as service:
        try:
            yield service
        except BaseException:
            print(service.output)
            raise
