"""Many clients at once: `python -m tests.support.load URL CLIENTS REQUESTS` prints what they got, as JSON.

A process of its own, and no more than bytes in and out, so that it is the service that is measured.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from tests.support import ROOT

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    answers: dict[str, int]
    """How many there were of each status, and of "no answer"."""
    seconds: float
    slowest: float
    """Seconds that one request took."""


def load(url: str, clients: int, requests: int) -> Outcome:
    """`requests` GET requests of `clients` clients, who keep their connections while they may and ask again at once."""
    command = [sys.executable, "-m", "tests.support.load", url, str(clients), str(requests)]
    return Outcome(**json.loads(subprocess.check_output(command, cwd=ROOT, text=True)))


class Round:
    def __init__(self, url: str, requests: int) -> None:
        address, _, path = url.removeprefix("http://").partition("/")
        self.host, _, self.port = address.partition(":")
        self.request = f"GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
        self.left = requests
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0

    async def run(self, count: int) -> float:
        """Answers the seconds from the first request to the last answer."""
        clients = [Client(self) for _ in range(count)]
        await asyncio.gather(*(client.connect() for client in clients))
        start = time.perf_counter()
        for client in clients:
            client.ask()
        await asyncio.gather(*(client.done for client in clients))
        return time.perf_counter() - start


class Client(asyncio.Protocol):
    """Asks until no request is left, or one gets no answer."""

    def __init__(self, round_: Round) -> None:
        self.round = round_
        self.loop = asyncio.get_running_loop()
        self.done = self.loop.create_future()
        self.received = b""

    async def connect(self) -> None:
        await self.loop.create_connection(lambda: self, self.round.host, int(self.round.port))

    async def reconnect(self) -> None:
        try:
            await self.connect()
        except OSError:
            self.done.set_result(None)
        else:
            self.ask()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        if self.round.left == 0:
            self.done.set_result(None)
            self.transport.close()
            return
        self.round.left -= 1
        self.asked = time.perf_counter()
        self.waiting = True
        self.transport.write(self.round.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = LENGTH.search(head + b"\r\n")
        if not end or (length and len(body) < int(length[1])):
            return
        self.received = b""
        self.note(head[9:12].decode())
        if b"\r\nconnection: close" in head.lower():
            self.transport.close()
            self.reconnecting = self.loop.create_task(self.reconnect())
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting:
            self.note("no answer")
            self.done.set_result(None)

    def note(self, answer: str) -> None:
        self.waiting = False
        self.round.answers[answer] += 1
        self.round.slowest = max(self.round.slowest, time.perf_counter() - self.asked)


def main(url: str, clients: int, requests: int) -> None:
    round_ = Round(url, requests)
    seconds = uvloop.run(round_.run(clients))
    outcome = Outcome(dict(round_.answers), seconds, round_.slowest)
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
