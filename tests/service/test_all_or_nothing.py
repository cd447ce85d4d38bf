"""A 2xx means committed; whatever else becomes of a request leaves nothing behind."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import Engine, text

from tests.service.conftest import count_waiting, locked_recipe
from tests.support import wait_until
from tests.support.own_service import as_superuser
from tests.support.service import Service

RECIPES = "/api/v1/recipes"
SOUP = {"label": "Pea soup", "source": "Grandmother", "url": "https://example.com/pea-soup"}


@pytest.fixture(scope="module")
def service(url: str) -> Iterator[Service]:
    with Service(DATABASE_URL=url, REQUEST_TIMEOUT=2, STATEMENT_TIMEOUT=30) as service:
        yield service


def labels(database: Engine) -> set[str]:
    with database.connect() as connection:
        return {*connection.execute(text("SELECT label FROM recipe")).scalars()}


def execute(database: Engine, statement: str) -> None:
    with database.begin() as connection:
        connection.execute(text(statement))


def test_failed_commit_is_no_success(service: Service, database: Engine) -> None:
    # A deferred constraint is checked at the commit, and at no time before.
    execute(database, "ALTER TABLE recipe ADD CONSTRAINT uq UNIQUE (url) DEFERRABLE INITIALLY DEFERRED")
    first = service.client.post(RECIPES, json=SOUP, headers=as_superuser())
    second = service.client.post(RECIPES, json={**SOUP, "label": "Again"}, headers=as_superuser())
    execute(database, "ALTER TABLE recipe DROP CONSTRAINT uq")
    assert (first.status_code, second.status_code) == (201, 409)
    assert "Again" not in labels(database)


def test_lost_connection_leaves_nothing(service: Service, database: Engine) -> None:
    with ThreadPoolExecutor(1) as pool, locked_recipe(database, 1):
        answer = pool.submit(service.client.patch, f"{RECIPES}/1", json={"label": "Lost"}, headers=as_superuser())
        wait_until(lambda: count_waiting(database) == 1)
        execute(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        assert answer.result().status_code == 503
        assert answer.result().headers["Retry-After"]
    assert service.client.get(f"{RECIPES}/1").json()["label"] != "Lost"


def test_batches_of_the_same_rows_wait_for_each_other_in_a_line(service: Service, database: Engine) -> None:
    def change(*ids: int) -> httpx2.Response:
        items = [{"id": id, "label": "Changed"} for id in ids]
        return service.client.patch(f"{RECIPES}/batch", json={"items": items}, headers=as_superuser())

    with ThreadPoolExecutor(2) as pool:
        with locked_recipe(database, 3):
            answers = [pool.submit(change, 1, 3, 2), pool.submit(change, 2, 3, 1)]
            wait_until(lambda: count_waiting(database) == 2)
        ids = [[item["id"] for item in answer.result().json()["items"]] for answer in answers]
    assert ids == [[1, 3, 2], [2, 3, 1]]


def test_request_past_its_deadline_does_not_commit(service: Service, database: Engine) -> None:
    with locked_recipe(database, 1):
        answer = service.client.patch(f"{RECIPES}/1", json={"label": "Too late"}, headers=as_superuser())
        assert answer.status_code == 503
        assert count_waiting(database) == 1
    # Now the statement gets its row, and the job ends.
    wait_until(lambda: count_open_transactions(database) == 0)
    assert "Too late" not in labels(database)


def test_killed_worker_leaves_nothing_half_done(service: Service, database: Engine) -> None:
    made = service.client.post(
        "/api/v1/users", json={"email": "ann@example.com", "password": "correct horse battery"}, headers=as_superuser()
    )
    assert made.status_code == 201, made.text
    ann = made.json()["id"]
    execute(database, f"UPDATE recipe SET submitter_id = {ann} WHERE id = 2")
    with ThreadPoolExecutor(1) as pool, locked_recipe(database, 2):
        # Removes the account, and then waits for the recipe that refers to it.
        answer = pool.submit(service.client.delete, f"/api/v1/users/{ann}", headers=as_superuser())
        wait_until(lambda: count_waiting(database) == 1)
        for pid in service.worker_pids:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(httpx2.TransportError):
            answer.result()
    wait_until(lambda: count_open_transactions(database) == 0)
    assert service.client.get(f"/api/v1/users/{ann}", headers=as_superuser()).status_code == 200
    assert service.client.get(f"{RECIPES}/2").json()["submitter_id"] == ann


def count_open_transactions(database: Engine) -> int:
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND xact_start IS NOT NULL AND pid != pg_backend_pid()
    """
    with database.connect() as connection:
        count: int = connection.execute(text(query)).scalar_one()
    return count
