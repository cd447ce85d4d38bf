"""The top posts of some subreddits, asked for one after the other or all at once."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx2
import stamina
import structlog
from pydantic import BaseModel, ValidationError

from app.core.errors import BadGateway, GatewayTimeout

log = structlog.get_logger()

SUBREDDITS = ("recipes", "easyrecipes", "TopSecretRecipes")
TIMEOUT = httpx2.Timeout(3)
ATTEMPTS = 3
USER_AGENT = "larder/1.0 (a recipe service)"


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


def _may_pass(error: Exception) -> bool:
    """Whether it is worth another try: the network, a busy or broken server, but not a "no"."""
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx2.TransportError)


again = stamina.retry(on=_may_pass, attempts=ATTEMPTS, timeout=10, wait_initial=0.1, wait_max=1)

Outcome = list[str] | Exception


class Reddit:
    """Both clients share nothing but their settings; each keeps one pool of connections for all requests.

    Answers `{subreddit: ["score: title (url)"]}`. A subreddit that fails is left out; when all fail it raises
    `GatewayTimeout` or `BadGateway`. Each try takes 3 s at the most, and there are 3 tries.
    """

    def __init__(self, url: str) -> None:
        headers = {"User-Agent": USER_AGENT}
        self.sync_client = httpx2.Client(base_url=url, timeout=TIMEOUT, headers=headers)
        self.async_client = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT, headers=headers)

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
            return self._posts(name)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValidationError) as error:
            return error

    async def _outcome_async(self, name: str) -> Outcome:
        try:
            return await self._posts_async(name)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValidationError) as error:
            return error

    @again
    def _posts(self, name: str) -> list[str]:
        return _lines(self.sync_client.get(_path(name)))

    @again
    async def _posts_async(self, name: str) -> list[str]:
        return _lines(await self.async_client.get(_path(name)))


def _path(name: str) -> str:
    return f"/r/{name}/top.json?sort=top&t=day&limit=5"


def _lines(response: httpx2.Response) -> list[str]:
    posts = Listing.model_validate_json(response.raise_for_status().content).data.children
    return [f"{post.data.score}: {post.data.title} ({post.data.url})" for post in posts]


def _successes(outcomes: Mapping[str, Outcome]) -> dict[str, list[str]]:
    failures = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Exception)}
    for name, failure in failures.items():
        log.warning("subreddit failed", subreddit=name, error=type(failure).__name__)
    if len(failures) == len(outcomes):
        if all(isinstance(failure, httpx2.TimeoutException) for failure in failures.values()):
            raise GatewayTimeout("Reddit did not answer in time")
        raise BadGateway("Reddit gave no usable answer")
    return {name: outcome for name, outcome in outcomes.items() if not isinstance(outcome, Exception)}
