"""The server: what it refuses before the application sees it, and how it starts and ends."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection

import pytest

from app.protocols.http import MAX_AHEAD, MAX_HEAD, MAX_HEADERS, MAX_TARGET
from tests.service.test_large_files import memory
from tests.support import ROOT
from tests.support.service import NotStarted, Service, environment

ECHO = "tests.support.echo:app"
HOST = b"Host: test\r\n"
LAST = b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(ECHO) as service:
        yield service


def send(service: Service, data: bytes) -> bytes:
    """All that comes back on a connection that sends just this, until the other side closes it."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(data)
        with connection.makefile("rb") as answer:
            return answer.read()


def get(target: bytes = b"/", headers: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + headers + LAST


def fields(count: int) -> bytes:
    return b"".join(b"X-%d: y\r\n" % number for number in range(count))


@pytest.mark.parametrize(
    "request_bytes",
    [
        get(),
        get(b"/" + b"a" * (MAX_TARGET - 1)),
        get(headers=fields(MAX_HEADERS - 2)),
        get(headers=b"X: " + b"y" * 30_000 + b"\r\n"),
    ],
    ids=["plain", "long target", "many headers", "long header"],
)
def test_within_bounds(service: Service, request_bytes: bytes) -> None:
    assert send(service, request_bytes).startswith(b"HTTP/1.1 200 OK\r\n")


TITLES = {400: "Bad Request", 414: "URI Too Long", 431: "Request Header Fields Too Large"}


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (get(b"/" + b"a" * MAX_TARGET), 414),
        (get(headers=fields(MAX_HEADERS - 1)), 431),
        (get(headers=b"X: " + b"y" * MAX_HEAD + b"\r\n"), 431),
        (get().removesuffix(b"\r\n") + b"X: " + b"y" * MAX_HEAD, 431),
        (b"no such thing\r\n\r\n", 400),
        (get().replace(b"Host: test", b"Host : test"), 400),
        (get().replace(HOST, b""), 400),
        (get(headers=HOST), 400),
    ],
    ids=[
        "long target",
        "many headers",
        "long header",
        "header without end",
        "nonsense",
        "space before colon",
        "no host",
        "two hosts",
    ],
)
def test_refused(service: Service, request_bytes: bytes, status: int) -> None:
    head, _, body = send(service, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert b"\r\nconnection: close" in head
    problem = json.loads(body)
    assert (problem["status"], problem["title"]) == (status, TITLES[status])


def test_before_http_1_1_nobody_had_to_name_a_host(service: Service) -> None:
    answer = send(service, get().replace(HOST, b"").replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b""),
        (get().removesuffix(b"\r\n"), b"HTTP/1.1 408 Request Timeout"),
        (get().replace(LAST, b"\r\n") + b"GET / HT", b"HTTP/1.1 200 OK"),
    ],
    ids=["nothing", "half a head", "half of the next one"],
)
def test_head_that_does_not_come_is_not_waited_for(sent: bytes, answered: bytes) -> None:
    with Service("tests.support.hasty:app") as service:
        start = time.monotonic()
        assert send(service, sent).startswith(answered)
        assert time.monotonic() - start >= 0.5


def test_who_sends_a_body_slowly_or_asks_again_later_is_waited_for() -> None:
    """The time is for heads alone."""
    with (
        Service("tests.support.hasty:app") as service,
        closing(HTTPConnection("127.0.0.1", service.port, timeout=10)) as connection,
    ):
        for _ in range(2):
            connection.putrequest("POST", "/")
            connection.putheader("Content-Length", "3")
            connection.endheaders()
            for byte in (b"a", b"b", b"c"):
                time.sleep(0.3)
                connection.send(byte)
            assert json.loads(connection.getresponse().read())["body"] == 3
            time.sleep(0.6)


def test_trailers_stay_out_of_the_headers(service: Service) -> None:
    request = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n" + LAST
    answer = send(service, request + b"3\r\nabc\r\n0\r\nAuthorization: none\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["headers"] == [
        "host",
        "transfer-encoding",
        "connection",
    ]


def test_an_upgrade_that_is_not_taken_up(service: Service) -> None:
    """The answer is plain HTTP/1.1, and the last one: what follows on the connection is not read."""
    answer = send(service, b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer


def test_pipelined_requests_are_answered_in_turn(service: Service) -> None:
    answer = send(service, get().replace(LAST, b"\r\n") * 99 + get())
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 100


def test_who_sends_too_far_ahead_gets_his_answers_and_then_the_end(service: Service) -> None:
    answer = send(service, get().replace(LAST, b"\r\n") * 1_000)
    assert MAX_AHEAD < answer.count(b"HTTP/1.1 200 OK\r\n") < 1_000
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"\r\nconnection: close\r\n") == 1
    assert b"\r\nconnection: close\r\n" in answer.rpartition(b"HTTP/1.1 ")[2]


@pytest.mark.parametrize("count", [1, 2])
def test_who_asked_before_nonsense_came_is_answered(service: Service, count: int) -> None:
    answer = send(service, get().replace(LAST, b"\r\n") * count + b"no such thing\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == answer.count(b"HTTP/1.1 ") == count


def test_who_sends_and_does_not_read_takes_little_memory(service: Service) -> None:
    [worker] = service.worker_pids
    before = memory(worker, "VmRSS")
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=0.5))
            with suppress(OSError):
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n" * 500_000)
        assert memory(worker, "VmRSS") - before < 50_000_000


@contextmanager
def busy(service: Service, count: int = 8) -> Iterator[list[int]]:
    """Clients who each keep a connection, ask on it all the time, and try nothing twice: any error is raised.

    Yields the ids of the processes that answered.
    """
    pids: list[int] = []
    stop = threading.Event()

    def run() -> None:
        connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
        while not stop.is_set():
            connection.request("GET", "/")
            pids.append(json.load(connection.getresponse())["pid"])
        connection.close()

    with ThreadPoolExecutor(count) as pool:
        clients = [pool.submit(run) for _ in range(count)]
        try:
            yield pids
        finally:
            stop.set()
    for client in clients:
        client.result()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_recycling_a_worker_loses_no_request() -> None:
    options = "--max-requests=200 --max-requests-jitter=50"
    with Service(ECHO, GUNICORN_CMD_ARGS=options, WEB_CONCURRENCY=2) as service, busy(service) as pids:
        wait_for(lambda: len(set(pids)) >= 6)


def test_reloading_loses_no_request() -> None:
    with Service(ECHO, WEB_CONCURRENCY=2) as service, busy(service) as pids:
        wait_for(lambda: len(pids) > 100)
        before = set(pids)
        service.signal(signal.SIGHUP)
        wait_for(lambda: not before & set(pids[-50:]))


def test_a_request_in_flight_finishes_at_a_stop() -> None:
    with Service(ECHO) as service, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send, service, get(b"/?sleep=2"))
        time.sleep(0.5)
        assert service.terminate() == 0
        assert answer.result().startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_taken_port_is_said_in_one_line() -> None:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:app.gunicorn_conf", ECHO]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment(PORT=port), capture_output=True, text=True, timeout=30, check=False
        )
    assert ended.returncode == 1
    reason = f"Larder cannot start: HOST and PORT, 127.0.0.1:{port}: Address already in use."
    assert ended.stderr.splitlines()[-1] == reason


def test_an_application_that_does_not_load_never_listens() -> None:
    with pytest.raises(NotStarted, match="ModuleNotFoundError") as raised, Service("tests.support.none:app"):
        pass
    assert "Listening" not in str(raised.value)
