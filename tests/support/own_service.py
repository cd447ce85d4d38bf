"""A service on a PostgreSQL database of its own, as a first start leaves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.models import User
from tests.conftest import as_user
from tests.support.service import Service, prestart


@contextmanager
def own_service(url: str, **settings: Any) -> Iterator[Service]:
    """Two workers on an empty database. Prints what the service has to say when a test fails."""
    assert prestart(DATABASE_URL=url).returncode == 0
    with Service(DATABASE_URL=url, WEB_CONCURRENCY=2, LOG_LEVEL="WARNING", **settings) as service:
        try:
            yield service
        except BaseException:
            print(service.output)
            raise


SUPERUSER = as_user(User(id=1, token_generation=1))
"""The headers of the first superuser, whom each database has under this number."""
