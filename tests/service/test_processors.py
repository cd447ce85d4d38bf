"""Each worker stays on one processor where CPU_AFFINITY says so, but for what works long without the interpreter."""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support import wait_until
from tests.support.own_service import as_superuser
from tests.support.service import Service

ALL = os.sched_getaffinity(0) if sys.platform == "linux" else set[int]()

pytestmark = pytest.mark.skipif(len(ALL) < 2, reason="there are not two processors that this run may use")


def threads(pid: int) -> Counter[tuple[int, ...]]:
    """How many threads of the process may run on which processors."""
    ids = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    return Counter(tuple(sorted(os.sched_getaffinity(id))) for id in ids)


def homes(service: Service) -> list[set[int]]:
    """On which processors the main threads of the workers are."""
    return [os.sched_getaffinity(pid) for pid in service.worker_pids]


def test_each_worker_stays_on_a_processor_of_its_own(url: str) -> None:
    with Service(DATABASE_URL=url, WEB_CONCURRENCY=2, CPU_AFFINITY=True) as service:
        wait_until(lambda: sorted(map(len, homes(service))) == [1, 1])
        one, other = homes(service)
        assert one != other
        os.kill(service.worker_pids.pop(), signal.SIGKILL)
        wait_until(lambda: len(service.worker_pids) == 2 and sorted(map(len, homes(service))) == [1, 1])
        wait_until(lambda: set.union(*homes(service)) == one | other)


def test_threads_that_hash_go_where_there_is_room(url: str) -> None:
    with Service(DATABASE_URL=url, WEB_CONCURRENCY=1, CPU_AFFINITY=True) as service:
        assert service.client.get("/api/v1/recipes", headers=as_superuser()).status_code == 200
        (pid,) = service.worker_pids
        home = tuple(os.sched_getaffinity(pid))
        assert threads(pid).keys() == {home}
        service.client.post("/api/v1/auth/login", data={"username": "a@example.com", "password": "x"})
        assert threads(pid)[tuple(sorted(ALL))] >= 1
        assert threads(pid)[home] >= 9, "the event loop and the job threads"


def test_workers_go_anywhere_by_default(url: str) -> None:
    with Service(DATABASE_URL=url, WEB_CONCURRENCY=1) as service:
        (pid,) = service.worker_pids
        assert threads(pid).keys() == {tuple(sorted(ALL))}
