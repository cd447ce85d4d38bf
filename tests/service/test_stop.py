"""Stops, reloads and deaths of workers lose no request, and nothing keeps the service from ending."""

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.service.conftest import count_waiting, locked_recipe
from tests.support import wait_until
from tests.support.load import load
from tests.support.own_service import as_superuser
from tests.support.service import Service

RECIPE = "/api/v1/recipes/1"


def refuses_connections(service: Service) -> bool:
    try:
        socket.create_connection(("127.0.0.1", service.port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_stop_finishes_what_is_in_flight_and_lets_nobody_in(url: str, database: Engine) -> None:
    with Service(DATABASE_URL=url) as service, ThreadPoolExecutor(1) as pool:
        with locked_recipe(database, 1):
            answer = pool.submit(service.client.patch, RECIPE, json={"label": "The last"}, headers=as_superuser())
            wait_until(lambda: count_waiting(database) == 1)
            service.signal(signal.SIGTERM)
            wait_until(lambda: refuses_connections(service))
            time.sleep(1)
            assert service.is_running
        assert answer.result().status_code == 200
        assert service.wait() == 0
    with database.connect() as connection:
        assert connection.execute(text("SELECT label FROM recipe WHERE id = 1")).scalar() == "The last"


def test_stop_ends_hung_requests_after_the_grace_time(url: str, database: Engine) -> None:
    with (
        Service(DATABASE_URL=url, REQUEST_TIMEOUT=1, STATEMENT_TIMEOUT=60) as service,
        ThreadPoolExecutor(1) as pool,
        locked_recipe(database, 1),
    ):
        answer = pool.submit(service.client.patch, RECIPE, json={"label": "Never"}, headers=as_superuser())
        wait_until(lambda: count_waiting(database) == 1)
        workers = service.worker_pids
        start = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - start < 30
        assert answer.result().status_code == 503
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


@pytest.mark.slow
def test_reload_under_load_loses_no_request(url: str) -> None:
    with Service(DATABASE_URL=url, WEB_CONCURRENCY=2) as service, ThreadPoolExecutor(1) as pool:
        before = service.worker_pids
        outcome = pool.submit(load, service.url + RECIPE, clients=20, requests=4000)
        for _ in range(2):
            time.sleep(1)
            service.signal(signal.SIGHUP)
        assert outcome.result().answers == {"200": 4000}
        wait_until(lambda: len(service.worker_pids) == 2 and not service.worker_pids & before)


def test_dead_worker_is_replaced(url: str) -> None:
    with Service(DATABASE_URL=url) as service:
        [before] = service.worker_pids
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: service.worker_pids - {before})
        assert service.client.get(RECIPE).status_code == 200
