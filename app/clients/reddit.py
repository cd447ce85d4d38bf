"""The top posts of some subreddits, asked for one after the other or all at once."""

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2
import stamina
import structlog
from pydantic import BaseModel, ValidationError

from app.clients.asking import TLS, may_pass, waits
from app.core.errors import BadGateway, GatewayTimeout

log = structlog.get_logger()

SUBREDDITS = ("recipes", "easyrecipes", "TopSecretRecipes")
MAX_SIZE = 1024 * 1024
"""Bytes; five posts are some thirty thousand."""

# Not compressed, so that what arrives is as large as it looks.
HEADERS = {"User-Agent": "larder/1.0 (a recipe service)", "Accept-Encoding": "identity"}


class Post(BaseModel):
    score: int
    title: str
    url: str


class PostOfListing(BaseModel):
    data: Post


class ListingData(BaseModel):
    children: list[PostOfListing]


class Listing(BaseModel):
    """What Reddit answers, as far as it is used here."""

    data: ListingData


class Body:
    """What has arrived of an answer, which may be neither too large nor too slow."""

    def __init__(self, seconds: float) -> None:
        self.content = bytearray()
        self.deadline = time.monotonic() + seconds

    def add(self, chunk: bytes) -> None:
        self.content += chunk
        if len(self.content) > MAX_SIZE:
            raise httpx2.RequestError("The answer is too large")
        if time.monotonic() > self.deadline:
            raise httpx2.ReadTimeout("The answer took too long")

    def lines(self) -> list[str]:
        posts = Listing.model_validate_json(self.content).data.children
        return [f"{post.data.score}: {post.data.title} ({post.data.url})" for post in posts]


Outcome = list[str] | Exception


class Reddit:
    """Both clients share nothing but their settings; each keeps one pool of connections for all requests.

    Answers `{subreddit: ["score: title (url)"]}`. A subreddit that fails is left out; when all fail it raises
    `GatewayTimeout` or `BadGateway`. There are 3 tries, with a growing `pause` between them; none of them waits
    longer than `timeout` for a connection, nor for an answer. Both are seconds.
    """

    def __init__(self, url: str, timeout: float = 2, pause: float = 0.1) -> None:
        self.timeout = timeout
        options: dict[str, Any] = {"base_url": url, "timeout": timeout, "headers": HEADERS, "verify": TLS}
        self.sync_client = httpx2.Client(**options)
        self.async_client = httpx2.AsyncClient(**options)
        self.again = stamina.RetryingCaller(**waits(pause)).on(may_pass)
        self.again_async = stamina.AsyncRetryingCaller(**waits(pause)).on(may_pass)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sync_client.close()
        await self.async_client.aclose()

    def top_posts(self) -> dict[str, list[str]]:
        return _successes({name: self._outcome(name) for name in SUBREDDITS})

    async def top_posts_at_once(self) -> dict[str, list[str]]:
        outcomes = await asyncio.gather(*map(self._outcome_async, SUBREDDITS))
        return _successes(dict(zip(SUBREDDITS, outcomes, strict=True)))

    def _outcome(self, name: str) -> Outcome:
        try:
            return self.again(self._posts, name)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValidationError) as error:
            return error

    async def _outcome_async(self, name: str) -> Outcome:
        try:
            return await self.again_async(self._posts_async, name)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValidationError) as error:
            return error

    def _posts(self, name: str) -> list[str]:
        body = Body(self.timeout)
        with self.sync_client.stream("GET", _path(name)) as response:
            for chunk in response.raise_for_status().iter_raw():
                body.add(chunk)
        return body.lines()

    async def _posts_async(self, name: str) -> list[str]:
        body = Body(self.timeout)
        async with self.async_client.stream("GET", _path(name)) as response:
            async for chunk in response.raise_for_status().aiter_raw():
                body.add(chunk)
        return body.lines()


def _path(name: str) -> str:
    return f"/r/{name}/top.json?sort=top&t=day&limit=5"


def _successes(outcomes: Mapping[str, Outcome]) -> dict[str, list[str]]:
    failures = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Exception)}
    for name, failure in failures.items():
        log.warning("subreddit failed", subreddit=name, error=type(failure).__name__)
    if len(failures) == len(outcomes):
        if all(isinstance(failure, httpx2.TimeoutException) for failure in failures.values()):
            raise GatewayTimeout("Reddit did not answer in time")
        raise BadGateway("Reddit gave no usable answer")
    return {name: outcome for name, outcome in outcomes.items() if not isinstance(outcome, Exception)}
