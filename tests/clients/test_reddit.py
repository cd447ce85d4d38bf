"""The Reddit client, against a real server on loopback that may be as bad as it likes."""

import asyncio
import gzip
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from app.clients.reddit import SUBREDDITS, Reddit
from app.core.errors import BadGateway, DomainError, GatewayTimeout
from tests.support.reddit import (
    Answer,
    RedditServer,
    body,
    endless,
    first,
    meeting,
    post,
    raw,
    reddit_server,
    reset,
    slow,
    status,
)

Posts = dict[str, list[str]]
Ask = Callable[[], Posts]

ALL = {name: [f"7: About {name} (https://example.com/)"] for name in SUBREDDITS}
OTHERS = {name: posts for name, posts in ALL.items() if name != "recipes"}

TIMEOUT = 0.5  # seconds, short, for some tests wait it out
PAUSE = 0.02

patiently = pytest.mark.parametrize("timeout", [30.0])
"""For tests that count requests: a slow machine must not add any."""


@pytest.fixture
def server() -> Iterator[RedditServer]:
    with reddit_server() as server:
        yield server


@pytest.fixture
def timeout() -> float:
    return TIMEOUT


@pytest.fixture(params=["one after the other", "all at once"])
def ask(request: pytest.FixtureRequest, server: RedditServer, timeout: float) -> Iterator[Ask]:
    """Asks a client of this server for the top posts, in one way and in the other."""
    with asyncio.Runner() as runner:
        reddit = Reddit(server.url, timeout=timeout, pause=PAUSE)
        at_once = request.param == "all at once"
        yield lambda: runner.run(reddit.top_posts_at_once()) if at_once else reddit.top_posts()
        runner.run(reddit.__aexit__(None, None, None))


def hang(seconds: float = 3600) -> Answer:
    return slow(seconds, status(200))


# What it says


def test_posts_are_score_title_and_address(server: RedditServer, ask: Ask) -> None:
    listing = [{"data": {"title": f"Tarte n° {n} 🥧", "score": -n, "url": f"https://x.org/{n}"}} for n in range(5)]
    server.answers["recipes"] = body(json.dumps({"data": {"children": listing}}).encode())
    assert ask() == ALL | {"recipes": [f"{-n}: Tarte n° {n} 🥧 (https://x.org/{n})" for n in range(5)]}


def test_subreddit_without_posts_is_there_and_empty(server: RedditServer, ask: Ask) -> None:
    server.answers["recipes"] = body(b'{"data": {"children": []}}')
    assert ask() == ALL | {"recipes": []}


def test_it_says_who_asks_and_for_what(server: RedditServer, ask: Ask) -> None:
    ask()
    assert {one.subreddit for one in server.received} == set(SUBREDDITS)
    for one in server.received:
        assert one.path == f"/r/{one.subreddit}/top.json?sort=top&t=day&limit=5"
        assert one.headers["User-Agent"].startswith("larder/")
        assert one.headers["Accept-Encoding"] == "identity"


# What goes wrong

FAILURES: dict[str, Answer] = {
    "500": status(500),
    "503": status(503),
    "404": status(404),
    "403": status(403),
    "429": status(429),
    "redirect": body(b"", 302, Location="/r/elsewhere/top.json"),
    "redirect to nowhere": body(b"", 301, Location="http://[bad"),
    "reset": reset,
    "hangs": hang(),
    "not JSON": body(b"<html>"),
    "empty": body(b""),
    "not UTF-8": body(b'{"data": "\xff"}'),
    "half a JSON": body(b'{"data": {"children": ['),
    "an array": body(b"[]"),
    "null": body(b"null"),
    "no data": body(b"{}"),
    "children an object": body(b'{"data": {"children": {}}}'),
    "title a number": post(7),
    "title missing": body(b'{"data": {"children": [{"data": {"score": 1, "url": "x"}}]}}'),
    "title a lone surrogate": body(rb'{"data": {"children": [{"data": {"score": 1, "title": "\ud800", "url": "x"}}]}}'),
    "score text": post("x", score="many"),
    "score NaN": post("x", score=float("nan")),
    "score a fraction": post("x", score=1.5),
    "score of 5,000 digits": body(b'{"data": {"children": [{"data": {"score": ' + b"9" * 5000 + b"}}]}}"),
    "url null": post("x", url=None),
    "deep": body(b'{"data":' * 100_000),
    "deep and closed": body(b"[" * 100_000 + b"]" * 100_000),
    "compressed unasked": body(gzip.compress(b" " * 10_000_000), Content_Encoding="gzip"),
    "shorter than it says": body(b"{}", Content_Length="1000"),
    "length nonsense": body(b"{}", Content_Length="many"),
    "status nonsense": raw(b"HTTP/1.1 abc\r\n\r\n"),
    "no HTTP": raw(b"\x00" * 100),
    "endless": endless(b" " * 65536),
    "endless head": raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000),
    "endless, a byte at a time": endless(b" ", pause=0.05),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_one_failure_does_not_lose_the_others(server: RedditServer, ask: Ask, failure: Answer) -> None:
    server.answers["recipes"] = failure
    assert ask() == OTHERS


@pytest.mark.parametrize(
    ("failures", "error"),
    [
        ("500 500 500", BadGateway),
        ("reset reset reset", BadGateway),
        ("null empty redirect", BadGateway),
        ("hangs 404 404", BadGateway),
        ("hangs hangs hangs", GatewayTimeout),
    ],
)
def test_failure_of_all_says_what_kind_it_is(
    server: RedditServer, ask: Ask, failures: str, error: type[DomainError]
) -> None:
    server.answers = {name: FAILURES[failure] for name, failure in zip(SUBREDDITS, failures.split(), strict=True)}
    with pytest.raises(error):
        ask()


def test_nobody_there_is_a_bad_gateway() -> None:
    with reddit_server() as server:
        url = server.url

    async def asked() -> None:
        async with Reddit(url, pause=PAUSE) as reddit:
            with pytest.raises(BadGateway):
                reddit.top_posts()
            with pytest.raises(BadGateway):
                await reddit.top_posts_at_once()

    asyncio.run(asked())


@patiently
def test_a_large_answer_is_not_read_to_its_end(server: RedditServer, ask: Ask) -> None:
    server.answers["recipes"] = FAILURES["endless"]
    assert ask() == OTHERS
    assert server.asked("recipes") == 1, "a timeout would be tried again"


# Trying again


@patiently
@pytest.mark.parametrize("failure", ["500", "503", "429", "reset"])
def test_what_may_pass_is_tried_again(server: RedditServer, ask: Ask, failure: str) -> None:
    server.answers["recipes"] = first(FAILURES[failure], FAILURES[failure], post("About recipes"))
    assert ask() == ALL
    assert server.asked("recipes") == 3


def test_timeout_is_tried_again(server: RedditServer, ask: Ask) -> None:
    server.answers["recipes"] = first(hang(TIMEOUT * 3), post("About recipes"))
    assert ask() == ALL
    assert server.asked("recipes") == 2


@patiently
@pytest.mark.parametrize(("failure", "tries"), [("500", 3), ("reset", 3), ("404", 1), ("not JSON", 1)])
def test_tries_are_few(server: RedditServer, ask: Ask, failure: str, tries: int) -> None:
    server.answers = dict.fromkeys(SUBREDDITS, FAILURES[failure])
    with pytest.raises(BadGateway):
        ask()
    assert {server.asked(name) for name in SUBREDDITS} == {tries}


@patiently
def test_pauses_between_tries_grow(server: RedditServer, ask: Ask) -> None:
    server.answers["recipes"] = status(503)
    ask()
    times = [one.time for one in server.received if one.subreddit == "recipes"]
    first_pause, second_pause = times[1] - times[0], times[2] - times[1]
    assert first_pause >= PAUSE
    assert second_pause >= 2 * PAUSE


# How it asks


@patiently
def test_connections_are_kept_and_used_again(server: RedditServer, ask: Ask) -> None:
    for _ in range(5):
        assert ask() == ALL
    assert len(server.received) == 15
    assert server.connections <= 3


def test_all_at_once_waits_for_none_before_it_asks_the_next(server: RedditServer) -> None:
    all_have_asked = threading.Barrier(len(SUBREDDITS))
    server.answers = {name: meeting(all_have_asked, post(f"About {name}")) for name in SUBREDDITS}

    async def asked() -> Posts:
        async with Reddit(server.url, timeout=30) as reddit:
            return await reddit.top_posts_at_once()

    assert asyncio.run(asked()) == ALL
