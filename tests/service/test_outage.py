"""The database goes and comes back: the service says so quickly, stays alive, and needs no restart."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import create_engine, text

from tests.support import wait_until
from tests.support.own_service import as_superuser, prepare
from tests.support.postgres import Server
from tests.support.service import Service

RECIPE = "/api/v1/recipes/1"
REQUEST_TIMEOUT = 4
SOON = 3
"""Seconds, of which a busy machine needs many: what waits for the database takes until `REQUEST_TIMEOUT`."""


@pytest.fixture(scope="module")
def server(postgres: str) -> Iterator[Server]:
    """A PostgreSQL of the module's own, to be stopped, killed and paused."""
    with Server() as server:
        prepare(server.url)
        yield server


@pytest.fixture(scope="module")
def service(server: Server) -> Iterator[Service]:
    with Service(DATABASE_URL=server.url, THREADS=4, REQUEST_TIMEOUT=REQUEST_TIMEOUT) as service:
        yield service


def seconds_of(response: httpx2.Response) -> float:
    return response.elapsed.total_seconds()


def change(service: Service) -> httpx2.Response:
    return service.client.patch(RECIPE, json={"label": "New"}, headers=as_superuser())


def assert_alive_and_not_ready(service: Service) -> None:
    live, ready = service.client.get("/health/live"), service.client.get("/health/ready")
    assert (live.status_code, ready.status_code) == (200, 503)
    assert seconds_of(live) < SOON
    assert seconds_of(ready) < SOON


def assert_unavailable(response: httpx2.Response, seconds: float) -> None:
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert int(response.headers["Retry-After"]) >= 1
    assert response.json()["request_id"] == response.headers["X-Request-ID"]
    assert seconds_of(response) < seconds


def assert_back(service: Service) -> None:
    wait_until(lambda: service.client.get("/health/ready").status_code == 200)
    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda _: service.client.get(RECIPE).status_code, range(50))
    assert [*answers] == [200] * 50


def test_stopped_database(server: Server, service: Service) -> None:
    assert_back(service)
    server.stop()
    for _ in range(2):
        assert_unavailable(service.client.get(RECIPE), seconds=SOON)
        assert_unavailable(change(service), seconds=SOON)
        assert_unavailable(service.client.get("/"), seconds=SOON)
        assert_alive_and_not_ready(service)
    server.start()
    assert_back(service)


def test_restart_that_nobody_noticed_costs_no_request(server: Server, service: Service) -> None:
    assert_back(service)
    server.stop()
    server.start()
    assert [service.client.get(RECIPE).status_code for _ in range(10)] == [200] * 10


def test_crash_of_the_database(server: Server, service: Service) -> None:
    assert_back(service)
    server.kill()
    assert_unavailable(service.client.get(RECIPE), seconds=SOON)
    assert_alive_and_not_ready(service)
    server.start()
    assert_back(service)


def test_standby_goes_on_being_read(server: Server, service: Service) -> None:
    set_read_only(server, "on")
    wait_until(lambda: change(service).status_code == 503)
    assert_unavailable(change(service), seconds=SOON)
    assert service.client.get(RECIPE).status_code == 200
    set_read_only(server, "off")
    wait_until(lambda: change(service).status_code == 200)


def set_read_only(server: Server, value: str) -> None:
    database = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with database.connect() as connection:
        connection.execute(text(f"ALTER SYSTEM SET default_transaction_read_only = {value}"))
        connection.execute(text("SELECT pg_reload_conf()"))
    database.dispose()


def test_hanging_database(server: Server, service: Service) -> None:
    assert_back(service)
    server.pause()
    with ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(service.client.get, RECIPE) for _ in range(10)]
        assert_alive_and_not_ready(service)
        for answer in answers:
            assert_unavailable(answer.result(), seconds=REQUEST_TIMEOUT + 4)
    assert_alive_and_not_ready(service)
    server.resume()
    assert_back(service)


def test_black_hole_instead_of_a_database() -> None:
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        url = f"postgresql://larder@127.0.0.1:{black_hole.getsockname()[1]}/larder"
        with Service(DATABASE_URL=url, THREADS=4) as service, ThreadPoolExecutor(50) as pool:
            answers = [pool.submit(service.client.get, RECIPE) for _ in range(50)]
            assert_alive_and_not_ready(service)
            # As long as one attempt to connect, however many there are for each thread.
            for answer in answers:
                assert_unavailable(answer.result(), seconds=10)
