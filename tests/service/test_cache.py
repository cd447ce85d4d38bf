"""Slow answers as production keeps them: made once for all workers, and there when Redis is not."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.clients.reddit import SUBREDDITS
from tests.support.own_service import as_superuser, own_service
from tests.support.reddit import RedditServer, post, reddit_server, slow
from tests.support.redis import Redis
from tests.support.service import Service
from tests.support.wire import Wire

SYNC, ASYNC = "/api/v1/recipes/ideas", "/api/v1/recipes/ideas/async"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def reddit(stack: ExitStack) -> RedditServer:
    """Takes its time, so that many can come meanwhile."""
    server = stack.enter_context(reddit_server())
    server.answers = {name: slow(0.3, post(f"About {name}")) for name in SUBREDDITS}
    return server


async def ask(service: Service, path: str, times: int) -> list[tuple[int, bytes]]:
    """As many at once, each on a connection of its own, so that both workers have some."""

    async def one() -> tuple[int, bytes]:
        async with Wire(service.port) as wire:
            answer = await wire.request("GET", path, as_superuser())
            return answer.status, answer.body

    return await asyncio.gather(*(one() for _ in range(times)))


@pytest.mark.parametrize("path", [SYNC, pytest.param(ASYNC, marks=pytest.mark.slow)])
def test_hundred_callers_of_two_workers_ask_once(
    stack: ExitStack, reddit: RedditServer, path: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('data')}/larder.db"
    redis = stack.enter_context(Redis())
    service = stack.enter_context(own_service(url, REDDIT_URL=reddit.url, REDIS_URL=redis.url))
    answers = asyncio.run(ask(service, path, 100))
    assert len({*answers}) == 1
    assert answers[0][0] == 200
    assert [reddit.asked(name) for name in SUBREDDITS] == [1, 1, 1]

    redis.kill()
    assert {*asyncio.run(ask(service, path, 100))} == {*answers}
    other = {SYNC: ASYNC, ASYNC: SYNC}[path]
    assert {status for status, _ in asyncio.run(ask(service, other, 100))} == {200}
    # The worker that had made it has it in memory; the other one may never have asked.
    assert reddit.asked(SUBREDDITS[0]) <= 1 + 1 + 2, "now each worker asks once for itself"

    redis.start()
    assert {status for status, _ in asyncio.run(ask(service, path, 10))} == {200}
    assert "Traceback" not in service.output
