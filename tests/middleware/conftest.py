"""A service with everything set that the middleware reads."""

from collections.abc import Iterator

import pytest

from tests.support.service import Service


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """In production, on a database without tables: what goes through the middleware needs none."""
    with Service(
        ENVIRONMENT="production",
        DATABASE_URL=f"sqlite:///{tmp_path_factory.mktemp('empty')}/larder.db",
        ALLOWED_HOSTS="127.0.0.1,larder.example,*.larder.example",
        CORS_ORIGINS="https://kitchen.example",
        MAX_BODY_SIZE=100_000,
        REQUEST_TIMEOUT=2,
    ) as service:
        yield service
