"""Ideas from elsewhere: another service may fail, and takes nobody's place meanwhile."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from app.cache.cache import cache
from app.cache.memory import Memory
from app.clients.reddit import SUBREDDITS, Reddit
from app.core.config import settings
from app.main import app
from app.models import User
from tests.api.test_recipes import assert_problem
from tests.conftest import as_user
from tests.support.reddit import Answer, RedditServer, after, post, reddit_server, slow, status

SYNC, ASYNC = "/api/v1/recipes/ideas", "/api/v1/recipes/ideas/async"
ALL = {name: [f"7: About {name} (https://example.com/)"] for name in SUBREDDITS}


@pytest.fixture
def server(lifespan: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedditServer]:
    """What the application takes for Reddit, of which it has kept nothing."""
    monkeypatch.setattr(cache, "memory", Memory(10**6))
    assert lifespan.portal
    before = app.state.reddit
    with reddit_server() as server:
        app.state.reddit = Reddit(server.url, timeout=0.2, pause=0.01)
        yield server
        lifespan.portal.call(app.state.reddit.__aexit__, None, None, None)
    app.state.reddit = before


@pytest.mark.parametrize("path", [SYNC, ASYNC])
def test_ideas_come_from_each_subreddit(client: TestClient, server: RedditServer, superuser: User, path: str) -> None:
    answer = client.get(path, headers=as_user(superuser))
    assert answer.status_code == 200
    assert answer.json() == ALL
    server.answers["recipes"] = status(500)
    assert client.get(path, headers=as_user(superuser)).json() == ALL, "they are kept for a minute"
    cache.memory.clear()
    assert client.get(path, headers=as_user(superuser)).json().keys() == ALL.keys() - {"recipes"}


def test_anybody_gets_ideas_but_only_superusers_get_them_at_once(
    client: TestClient, server: RedditServer, user: User
) -> None:
    assert client.get(SYNC).status_code == 200
    server.received.clear()
    assert_problem(client.get(ASYNC), 401)
    assert_problem(client.get(ASYNC, headers={"Authorization": "Bearer x"}), 401)
    assert_problem(client.get(ASYNC, headers=as_user(user)), 403)
    assert server.received == [], "nobody was asked in vain"


@pytest.mark.parametrize(("failure", "code"), [(status(500), 502), (slow(60, status(200)), 504)], ids=["502", "504"])
def test_failure_of_all_says_what_kind_it_is(
    lifespan: TestClient, server: RedditServer, failure: Answer, code: int
) -> None:
    server.answers = dict.fromkeys(SUBREDDITS, failure)
    assert_problem(lifespan.get(SYNC), code)


def test_ideas_that_wait_take_no_job_thread(client: TestClient, server: RedditServer) -> None:
    go_on = threading.Event()
    server.answers = {name: after(go_on, post(f"About {name}")) for name in SUBREDDITS}
    with ThreadPoolExecutor(settings.THREADS) as threads:
        ideas = [threads.submit(client.get, SYNC) for _ in range(settings.THREADS)]
        while not server.received:
            assert not any(one.done() for one in ideas)
        assert client.get("/api/v1/recipes").status_code == 200
        assert not any(one.done() for one in ideas)
        go_on.set()
    assert [one.result().json() for one in ideas] == [ALL] * settings.THREADS
    # One asks for all of them, and again when this machine is so slow that he takes the server for lost.
    assert server.asked(SUBREDDITS[0]) < settings.THREADS
