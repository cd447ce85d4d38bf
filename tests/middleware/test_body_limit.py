"""No body is larger than what was agreed, whatever it says of itself."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.core.config import settings
from tests.support.service import Service

LIMIT = 100_000
JSON = {"Content-Type": "application/json"}


def assert_refused(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"\r\ncontent-type: application/problem+json" in head
    assert b"\r\nconnection: close" in head
    assert b'"status":413' in body


def read_all(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as answer:
        return answer.read()


def peak_memory(service: Service) -> int:
    """Bytes."""
    [worker] = service.worker_pids
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
    assert peak
    return int(peak[1]) * 1024


def test_announced_size_is_refused_before_the_body_comes(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        head = "POST /api/v1/recipes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {LIMIT + 1}\r\n\r\n".encode())
        assert_refused(read_all(connection))


def test_size_may_have_any_number_of_zeros_before_it(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
        head = "POST /api/v1/recipes HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        connection.sendall(f"{head}Content-Length: {'0' * 5_000}2\r\n\r\n{{}}".encode())
        assert read_all(connection).startswith(b"HTTP/1.1 415 ")


def test_endless_body_is_refused_while_it_comes(service: Service) -> None:
    before = peak_memory(service)
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/v1/recipes HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        try:
            while sent < 100_000_000:
                connection.sendall(chunk)
                sent += len(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert_refused(read_all(connection))
    assert sent < 20_000_000  # what the buffers on the way hold
    assert peak_memory(service) - before < 10_000_000


@pytest.mark.parametrize("content", [b"x" * (settings.MAX_BODY_SIZE + 1), iter([b"x" * 65536] * 20)])
def test_limit_without_a_setting_is_a_mebibyte(lifespan: TestClient, content: bytes | Iterator[bytes]) -> None:
    answer = lifespan.post("/api/v1/recipes", content=content, headers=JSON)
    assert settings.MAX_BODY_SIZE == 1024 * 1024
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Connection"] == "close"


def test_client_who_only_then_looks_finds_the_answer(service: Service) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [b"x" * 10_000] * 100

    for content in (b"x" * 1_000_000, pieces()):
        answer = service.client.post("/api/v1/recipes", content=content, headers=JSON)
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_largest_allowed_body_is_read(service: Service) -> None:
    body = b'{"label": "%s"}' % (b"x" * (LIMIT - 13))
    assert len(body) == LIMIT
    for content in (body, iter([body])):
        assert service.client.post("/api/v1/recipes", content=content, headers=JSON).status_code in (401, 422)
