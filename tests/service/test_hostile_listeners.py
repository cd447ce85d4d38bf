"""Who listens and means no good: he takes nothing, or sends what costs others their time."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from app.api.event_stream import HEARTBEAT
from app.protocols.websocket import MAX_FRAMES
from app.worker import STALLED
from tests.service.test_idle_listeners import memory
from tests.support import wait_until
from tests.support.larder import PATH, Larder, comments
from tests.support.service import Service
from tests.support.stream import Stream
from tests.support.talk import UPGRADE, Talk, websocket

CONTINUATION, TEXT, CLOSE, PING = 0, 1, 8, 9
LIVE = "/api/v1/recipes/1/live"


@pytest.fixture(scope="module")
def service(url: str) -> Iterator[Service]:
    with Service(DATABASE_URL=url, LOG_LEVEL="WARNING") as service:
        yield service


def frame(kind: int, data: bytes = b"", is_last: bool = True, length: int | None = None, flags: int = 0) -> bytes:
    """Of a client, with a mask of zeros; `length` is for one that lies."""
    number = len(data) if length is None else length
    if number < 126:
        size = bytes([128 | number])
    else:
        size = b"\xfe" + struct.pack("!H", number) if number < 2**16 else b"\xff" + struct.pack("!Q", number)
    return bytes([(128 if is_last else 0) | flags | kind]) + size + bytes(4) + data


@contextmanager
def talking(service: Service) -> Iterator[Talk]:
    with websocket(service.port, LIVE) as talk:
        talk.hear("ready")
        yield talk


def send(talk: Talk, data: bytes) -> None:
    """Behind the back of the library, until the other side has had enough."""
    with suppress(OSError):
        talk.connection.socket.sendall(data)


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(TEXT, b"x", length=2**63 - 1), 1009),
        (frame(TEXT, b"x", length=2**63), 1009),
        (frame(TEXT, b"x" * 9000, is_last=False) + frame(CONTINUATION, b"x" * 9000), 1009),
        (frame(TEXT, b"{}", flags=64), 1002),
        (frame(3), 1002),
        (frame(CONTINUATION), 1002),
        (frame(TEXT, is_last=False) + frame(TEXT), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, is_last=False), 1002),
        (frame(CLOSE, b"x"), 1002),
        (frame(CLOSE, struct.pack("!H", 999)), 1002),
        (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
        (frame(TEXT, b"\xc3", is_last=False) + frame(CONTINUATION, b"("), 1007),
    ],
)
def test_frames_that_cannot_be_end_it_with_their_code(service: Service, frames: bytes, code: int) -> None:
    with talking(service) as talk:
        send(talk, frames)
        assert talk.code() == code


def test_message_may_come_in_pieces_with_pings_between(service: Service) -> None:
    with talking(service) as talk:
        pieces = [b'{"type":"nonsense', b" \xc3", b'\xa9"}']
        send(talk, frame(TEXT, pieces[0], is_last=False) + frame(PING))
        send(talk, frame(CONTINUATION, pieces[1], is_last=False) + frame(PING) + frame(CONTINUATION, pieces[2]))
        assert talk.hear("problem")["problem"]["status"] == 422


@pytest.mark.parametrize(
    "flood",
    [
        frame(PING) * 100_000,
        frame(PING, b"x" * 125) * 10_000,
        frame(TEXT, b"x") * 100_000,
        frame(TEXT, is_last=False) + frame(CONTINUATION, is_last=False) * 100_000,
    ],
    ids=["pings", "large pings", "messages", "pieces of a message"],
)
def test_flood_of_small_frames_keeps_nobody_waiting(service: Service, flood: bytes) -> None:
    waited: list[float] = []
    with talking(service) as talk:
        sender = threading.Thread(target=send, args=(talk, flood))
        start = time.monotonic()
        sender.start()
        while sender.is_alive() or not waited:
            before = time.monotonic()
            service.client.get("/health/live").raise_for_status()
            waited.append(time.monotonic() - before)
        sender.join()
        assert talk.code() == 1008
    assert time.monotonic() - start < 5
    assert max(waited) < 2


def test_pieces_of_a_message_do_not_add_up(service: Service) -> None:
    with talking(service) as talk:
        send(talk, frame(TEXT, is_last=False))
        for _ in range(MAX_FRAMES // 10 + 1):
            time.sleep(1.05)
            send(talk, frame(CONTINUATION, is_last=False) * 10)
        assert talk.code() == 1008


def test_nothing_of_that_is_an_error_in_the_log(service: Service) -> None:
    with talking(service) as talk:
        send(talk, frame(CLOSE, struct.pack("!H", 999)) + frame(PING) * 1000)
        talk.code()
    assert "[error" not in service.output


def sockets_of(service: Service, clients: set[int]) -> set[str]:
    """The names of the service's ends of the connections from these ports."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = [(*(int(address.split(":")[1], 16) for address in row[1:3]), row[9]) for row in rows]
    taken = [inode for own, other, inode in ports if own == service.port and other in clients and inode != "0"]
    return {f"socket:[{inode}]" for inode in taken}


def files(service: Service) -> set[str]:
    """What the workers have open."""
    found: set[str] = set()
    for path in (one for pid in service.worker_pids for one in Path(f"/proc/{pid}/fd").iterdir()):
        with suppress(FileNotFoundError):
            found.add(str(path.readlink()))
    return found


@pytest.mark.slow
def test_who_leaves_is_missed_also_when_he_has_asked_for_more(service: Service) -> None:
    """What he asked for behind the stream waits for its end, and nothing more is read from him."""
    with Stream(service.port, PATH.format(1)) as stream:
        stream.connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.begin().take(1)
        held = sockets_of(service, {stream.connection.getsockname()[1]})
        assert held
        stream.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: not held & files(service), seconds=2 * HEARTBEAT + 5)
    time.sleep(0.5)
    assert "[error" not in service.output


@pytest.mark.slow
@pytest.mark.parametrize("larder", ["postgresql"], indirect=True)
def test_who_takes_nothing_is_hung_up_on_and_costs_little(larder: Larder) -> None:
    """Also when his system is there, and answers each time it is asked whether there is room by now."""
    service, recipe = larder.service, larder.new_recipe()
    comment, *_ = [larder.comment(recipe, "x" * 5000) for _ in range(10)]
    stream, live = PATH.format(recipe), f"/api/v1/recipes/{recipe}/live"
    with ExitStack() as stack, larder.stream(recipe) as quick:
        quick.take(1)
        larder.write(recipe, comment)
        quick.take(1)
        before = sum(map(memory, service.worker_pids))
        stalled = [
            stack.enter_context(Stream(service.port, path, headers, room=4096))
            for path, headers in [(stream, {}), (live, UPGRADE), (comments(recipe), {})] * 7
        ]
        for one in stalled[2::3]:  # these do not listen, but ask for more than they take
            with suppress(OSError):
                one.connection.setblocking(False)
                one.connection.send(f"GET {comments(recipe)} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 2000)
        clients = {one.connection.getsockname()[1] for one in stalled}
        wait_until(lambda: len(sockets_of(service, clients)) == len(stalled))
        held = sockets_of(service, clients)
        for _ in range(12):
            larder.write(recipe, *[comment] * 100)
            quick.take(100)
        assert held <= files(service)
        assert sum(map(memory, service.worker_pids)) - before < 30
        wait_until(lambda: not held & files(service), seconds=STALLED + 30)
        larder.write(recipe, comment)
        quick.take(1)
    assert "[error" not in service.output
