"""The service behind nginx, as deploy/ has it."""

from collections.abc import Iterator

import pytest

from tests.service.conftest import database, postgres, url
from tests.support.nginx import Nginx
from tests.support.own_service import prepare
from tests.support.postgres import fresh_database
from tests.support.service import Service

__all__ = ["database", "postgres", "url"]


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    limits = {"RATE_LIMITS": "sign-up=2/hour"}
    with fresh_database(postgres) as url:
        prepare(url)
        with Service(DATABASE_URL=url, WEB_CONCURRENCY=2, ENVIRONMENT="production", **limits) as service:
            yield service


@pytest.fixture(scope="module")
def nginx(service: Service) -> Iterator[Nginx]:
    with Nginx(service.port) as nginx:
        yield nginx
