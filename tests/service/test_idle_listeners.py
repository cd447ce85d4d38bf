"""A thousand who only listen cost a worker little."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.own_service import as_superuser
from tests.support.service import Service

pytestmark = pytest.mark.slow

LISTENERS = 1000
MOST = 100
"""MiB."""

UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.fixture(autouse=True)
def _more_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * LISTENERS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory(pid: int) -> float:
    """MiB that are the process's own, and its share of what it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@pytest.mark.parametrize(
    ("path", "headers", "first"),
    [
        ("/api/v1/recipes/1/comments/stream", "", b"event: ready"),
        ("/api/v1/recipes/1/live", UPGRADE, b'"ready"'),
    ],
    ids=["streams", "websockets"],
)
def test_a_thousand_idle_listeners_cost_less_than_100_mib(url: str, path: str, headers: str, first: bytes) -> None:
    credentials = "".join(f"{name}: {value}\r\n" for name, value in as_superuser().items())
    with Service(DATABASE_URL=url) as service, ExitStack() as stack:
        [worker] = service.worker_pids
        for _ in range(20):
            service.client.get("/api/v1/recipes").raise_for_status()
        before = memory(worker)
        listeners: list[socket.socket] = []
        for _ in range(LISTENERS):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=20))
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{credentials}{headers}\r\n".encode())
            listeners.append(one)
        heard = [b""] * LISTENERS
        for place, one in enumerate(listeners):
            while first not in heard[place]:
                heard[place] += one.recv(65536)
        time.sleep(2)
        alone = memory(worker)
        print(f"{before:.1f} MiB before, {alone:.1f} MiB with {LISTENERS} listeners")
        assert alone - before < MOST
        text = {"text": "All hear this"}
        service.client.post("/api/v1/recipes/1/comments", json=text, headers=as_superuser()).raise_for_status()
        start = time.monotonic()
        for one in listeners:
            said = b""
            while b"All hear this" not in said:
                said += one.recv(65536)
        print(f"{time.monotonic() - start:.2f} s until the last has heard")
