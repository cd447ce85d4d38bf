"""Behind nginx, under 50 clients, whatever is stopped, reloaded or upgraded: no request fails or is done twice."""

import asyncio
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.support import wait_until
from tests.support.nginx import Nginx
from tests.support.own_service import as_superuser, prepare
from tests.support.postgres import fresh_database
from tests.support.service import Service
from tests.support.wire import Wire

CLIENTS = 50
REQUESTS = 10_000
RECIPES = "/api/v1/recipes"


class Crowd:
    """Clients who read and write without a pause, until they are told that it is over and have had enough."""

    def __init__(self, nginx: Nginx) -> None:
        self.nginx = nginx
        self.answers: Counter[str] = Counter()
        self.posted = 0
        self.over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask(number) for number in range(CLIENTS)))

    async def _ask(self, client: int) -> None:
        # Each has an address of his own, as nginx counts what one may do.
        options = {"ssl": self.nginx.tls, "local_addr": (f"127.0.1.{client + 1}", 0)}
        async with Wire(self.nginx.port, **options) as wire:
            number = 0
            while not self.over.is_set() or self.answers.total() < REQUESTS:
                number += 1
                name = f"{client}-{number}"
                if number % 3 == 0:
                    self.posted += 1
                    recipe = {"label": f"Of the crowd {name}", "source": "Crowd", "url": "https://example.com/"}
                    await self._note(wire, "POST", RECIPES, as_superuser() | {"Idempotency-Key": name}, recipe)
                else:
                    await self._note(wire, "GET", f"{RECIPES}/1" if number % 3 == 1 else RECIPES, {})

    async def _note(self, wire: Wire, method: str, path: str, headers: dict[str, str], body: object = None) -> None:
        try:
            answer = await wire.request(method, path, headers, body)
        except (ConnectionError, OSError) as error:
            self.answers[f"{method} {error!r}"] += 1
        else:
            self.answers[f"{method} {answer.status}"] += 1


@contextmanager
def crowded(postgres: str, count: int) -> Iterator[list[Service]]:
    """So many services behind one nginx, and a crowd before it. In the end all that they did is as it should be."""
    with fresh_database(postgres) as url, ExitStack() as stack:
        prepare(url)
        made = [Service(DATABASE_URL=url, WEB_CONCURRENCY=2, LOG_LEVEL="WARNING") for _ in range(count)]
        services = [stack.enter_context(service) for service in made]
        nginx = stack.enter_context(Nginx(*(service.port for service in services)))
        with Crowd(nginx) as crowd:
            wait_until(lambda: crowd.answers.total() > 500, seconds=30)
            try:
                yield services
            finally:
                print(*(service.output for service in services))
        print(crowd.answers, Counter(re.findall(r"\*\d+ (.*?), client", nginx.errors)))
        assert crowd.answers.keys() == {"GET 200", "POST 201"}
        assert crowd.answers.total() >= REQUESTS
        engine = create_engine(url)
        with engine.connect() as connection:
            query = text("SELECT count(*), count(DISTINCT label) FROM recipe WHERE source = 'Crowd'")
            assert connection.execute(query).one() == (crowd.posted, crowd.posted)
        engine.dispose()


def replaced(service: Service, workers: set[int]) -> Callable[[], bool]:
    return lambda: len(service.worker_pids) == 2 and not service.worker_pids & workers


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.slow
def test_stop_of_workers_and_reload_and_upgrade_lose_no_request(postgres: str) -> None:
    with crowded(postgres, 1) as [service]:
        for worker in service.worker_pids:
            os.kill(worker, signal.SIGTERM)
            wait_until(replaced(service, {worker}), seconds=40)
            time.sleep(1)
        for _ in range(3):
            before = service.worker_pids
            service.signal(signal.SIGHUP)
            wait_until(replaced(service, before), seconds=40)
            time.sleep(1)

        before = service.worker_pids
        service.signal(signal.SIGUSR2)
        wait_until(lambda: service.worker_pids - before, seconds=40)
        [upgraded] = service.worker_pids - before
        wait_until(lambda: len(children(upgraded)) == 2, seconds=40)
        time.sleep(2)
        assert service.terminate() == 0
        time.sleep(2)


@pytest.mark.slow
def test_restart_of_one_host_after_the_other_loses_no_request(postgres: str) -> None:
    with crowded(postgres, 2) as services:
        for service in (*services, *services):
            assert service.terminate() == 0
            service.__exit__()
            time.sleep(1)
            service.__enter__()
            time.sleep(2)
