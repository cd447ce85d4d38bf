"""Comments of a recipe as they come: each event once and in order, whichever worker it was written on."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, delete, text, update

from app.crud import feed
from app.db.base import utc_now
from app.db.session import OwnSession
from app.models import FeedEvent, LoginSession, Recipe
from tests.support import wait_until
from tests.support.larder import PATH, Larder, comments, token
from tests.support.own_service import as_superuser
from tests.support.service import Service
from tests.support.stream import Said, Stream


def numbers(said: list[Said]) -> list[int | None]:
    return [one.id for one in said]


def test_every_listener_of_every_worker_hears_each_event_once(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with ExitStack() as stack:
        streams = [stack.enter_context(larder.stream(recipe)) for _ in range(16)]
        assert {stream.take(1)[0].event for stream in streams} == {"ready"}
        larder.write(recipe, 7, 8)
        larder.write(recipe, 9)
        for stream in streams:
            said = stream.take(3)
            assert numbers(said) == [1, 2, 3]
            assert [one.data["comment_id"] for one in said] == [7, 8, 9]
            assert {one.event for one in said} == {"comment.created"}


def test_many_events_at_once_are_heard_by_who_is_not_slow(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with larder.stream(recipe) as stream:
        stream.take(1)
        larder.write(recipe, *range(450))
        assert numbers(stream.take(450)) == [*range(1, 451)]


def test_nothing_is_heard_of_what_was_rolled_back(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with larder.stream(recipe) as stream:
        stream.take(1)
        with OwnSession(larder.engine) as session:
            feed.record(session, recipe, "comment.created", 1)
            session.rollback()
        larder.write(recipe, 2)
        [said] = stream.take(1)
        assert (said.id, said.data["comment_id"]) == (1, 2)


def test_resuming_misses_nothing(larder: Larder) -> None:
    recipe = larder.new_recipe()
    larder.write(recipe, *range(5))
    with larder.stream(recipe, last=2) as stream:
        assert numbers(stream.take(4)) == [2, 3, 4, 5]
        larder.write(recipe, 9)
        assert numbers(stream.take(1)) == [6]
    with Stream(larder.service.port, f"{PATH.format(recipe)}?after=5").begin() as stream:
        assert numbers(stream.take(2)) == [5, 6]


def test_who_is_too_far_behind_is_told(larder: Larder) -> None:
    recipe = larder.new_recipe()
    larder.write(recipe, *range(4))
    with larder.engine.begin() as connection:
        connection.execute(delete(FeedEvent).where(FeedEvent.recipe_id == recipe, FeedEvent.number <= 2))
    for last in (1, 99):
        with larder.stream(recipe, last=last) as stream:
            [said] = stream.take(1)
            assert (said.id, said.event) == (4, "reset")
            larder.write(recipe, 5)
            with larder.engine.begin() as connection:
                connection.execute(delete(FeedEvent).where(FeedEvent.recipe_id == recipe, FeedEvent.number == 5))
                connection.execute(text("UPDATE feed SET number = 4 WHERE recipe_id = :id"), {"id": recipe})


def test_stream_says_what_it_is(larder: Larder) -> None:
    with larder.stream(larder.new_recipe()) as stream:
        assert "\r\ncontent-type: text/event-stream" in stream.head
        assert "\r\ncache-control: no-store\r\n" in stream.head
        assert "\r\nx-accel-buffering: no\r\n" in stream.head


@pytest.mark.parametrize("last", ["x", "-1", "1.5", str(2**31)])
def test_bad_last_event_id_is_refused(larder: Larder, last: str) -> None:
    answer = larder.service.client.get(PATH.format(1), headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "header/Last-Event-ID")


def test_stream_of_no_recipe_is_not_found(larder: Larder) -> None:
    assert larder.service.client.get(PATH.format(10**6)).status_code == 404


def test_head_has_no_stream(larder: Larder) -> None:
    assert larder.service.client.head(PATH.format(larder.new_recipe())).status_code == 200


@contextmanager
def on_each_worker(larder: Larder, recipe: int, headers: dict[str, str] | None = None) -> Iterator[list[Stream]]:
    """Streams of which no worker has none, as good as surely."""
    with ExitStack() as stack:
        streams = [stack.enter_context(larder.stream(recipe, headers=headers)) for _ in range(8)]
        for stream in streams:
            stream.take(1)
        yield streams


def assert_end_at_once(streams: list[Stream]) -> None:
    """By what is told, and not by the look that is taken each five seconds."""
    start = time.monotonic()
    assert all(stream.ends_within(8) for stream in streams)
    assert time.monotonic() - start < 2.5


def test_streams_end_with_their_recipe_at_once(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with on_each_worker(larder, recipe) as streams, larder.stream(larder.new_recipe()) as other:
        larder.service.client.delete(f"/api/v1/recipes/{recipe}", headers=as_superuser()).raise_for_status()
        assert_end_at_once(streams)
        assert not other.ends_within(0.1)


def write_at_once(larder: Larder, recipe: int, writers: int, each: int) -> None:
    def write(writer: int) -> None:
        for place in range(each):
            larder.write(recipe, writer * each + place)

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))


def resume_all_the_time(larder: Larder, recipe: int, count: int) -> list[Said]:
    """All events, by one who leaves after each few and comes again."""
    heard: list[Said] = []
    while len(heard) < count:
        with larder.stream(recipe, last=len(heard)) as stream:
            assert [one.event for one in stream.take(1)] == ["ready"]
            heard += stream.take(min(7, count - len(heard)))
    return heard


def assert_each_once(heard: list[Said], count: int) -> None:
    assert numbers(heard) == [*range(1, count + 1)]
    assert sorted(one.data["comment_id"] for one in heard) == [*range(count)]


WRITERS = 8
"""At once: each takes a connection, and there are no more of them for the tests than for a worker."""


@pytest.mark.parametrize("each", [6, pytest.param(feed.AT_ONCE // WRITERS, marks=pytest.mark.slow)])
def test_each_event_once_and_in_order_while_many_write(larder: Larder, each: int) -> None:
    """No more than somebody may be behind, however slow he is."""
    recipe, count = larder.new_recipe(), WRITERS * each
    with ThreadPoolExecutor(4) as pool, larder.stream(recipe) as stream:
        stream.take(1)
        resuming = [pool.submit(resume_all_the_time, larder, recipe, count) for _ in range(3)]
        write_at_once(larder, recipe, WRITERS, each)
        assert_each_once(stream.take(count), count)
        for one in resuming:
            assert_each_once(one.result(), count)


def listening(engine: Engine) -> list[int]:
    """The processes of PostgreSQL that do nothing but listen."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND (query LIKE 'LISTEN%' OR query = 'SELECT 1 -- listening')"
    )
    with engine.connect() as connection:
        return [row[0] for row in connection.execute(text(query))]


@pytest.mark.parametrize("larder", ["postgresql"], indirect=True)
def test_lost_connection_costs_no_event(larder: Larder) -> None:
    recipe = larder.new_recipe()
    with ExitStack() as stack:
        streams = [stack.enter_context(larder.stream(recipe)) for _ in range(8)]
        for stream in streams:
            stream.take(1)
        wait_until(lambda: len(listening(larder.engine)) == 2)
        for pid in listening(larder.engine):
            with larder.engine.begin() as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            larder.write(recipe, pid, pid)
        wait_until(lambda: len(listening(larder.engine)) == 2)
        larder.write(recipe, 1)
        for stream in streams:
            assert numbers(stream.take(5)) == [1, 2, 3, 4, 5]


def test_stop_ends_streams_at_once(url: str) -> None:
    with Service(DATABASE_URL=url) as service, Stream(service.port, PATH.format(1)).begin() as stream:
        stream.take(1)
        start = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - start < 5
        assert stream.ends_within(1)


def test_event_has_the_comment_as_it_is_now(larder: Larder) -> None:
    recipe = larder.new_recipe()
    kept, gone = larder.comment(recipe, "<b>Good</b>"), larder.comment(recipe, "A secret that slipped out")
    path = f"{comments(recipe)}/{{}}"
    larder.service.client.patch(path.format(kept), json={"text": "Better"}, headers=as_superuser()).raise_for_status()
    larder.service.client.delete(path.format(gone), headers=as_superuser()).raise_for_status()
    with larder.stream(recipe, last=0) as stream:
        _, *said = stream.take(5)
    created, was, updated, removed = (one.data["comment"] for one in said)
    assert [one.event for one in said] == ["comment.created"] * 2 + ["comment.updated", "comment.removed"]
    assert created == updated
    assert (created["text"], created["author"]["id"], "address" in created) == ("Better", 1, False)
    assert was is None
    assert removed is None


def test_stream_ends_when_the_token_expires(larder: Larder) -> None:
    with larder.stream(larder.new_recipe(), headers=token(2)) as stream:
        stream.take(1)
        assert stream.ends_within(3)


def new_account(larder: Larder) -> dict[str, Any]:
    password = "only for the tests"
    account = {"email": f"{uuid4().hex}@example.com", "password": password}
    made = larder.service.client.post("/api/v1/users", json=account, headers=as_superuser()).raise_for_status().json()
    return {"id": made["id"], "username": account["email"], "password": password}


def sign_in(larder: Larder, account: dict[str, Any]) -> dict[str, str]:
    form = {name: account[name] for name in ("username", "password")}
    answer = larder.service.client.post("/api/v1/auth/login", data=form).raise_for_status().json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


ENDS: dict[str, tuple[str, str, Any, bool]] = {
    "logout": ("POST", "/auth/logout", None, True),
    "logout everywhere": ("DELETE", "/auth/sessions", None, True),
    "deactivated": ("PATCH", "/users/{id}", {"is_active": False}, False),
    "new password": ("PATCH", "/users/{id}", {"password": "another one for the tests"}, False),
    "account deleted": ("DELETE", "/users/{id}", None, False),
}


def test_what_was_taken_back_is_not_told_to_who_comes_later(larder: Larder) -> None:
    """While others listen, for whom it has been read."""
    recipe = larder.new_recipe()
    with on_each_worker(larder, recipe) as streams:
        comment = larder.comment(recipe, "A secret that slipped out")
        for stream in streams:
            assert stream.take(1)[0].data["comment"]["text"] == "A secret that slipped out"
        path = f"{comments(recipe)}/{comment}"
        for change in ("patch", "delete"):
            body = {"json": {"text": "Nothing"}} if change == "patch" else {}
            answer = getattr(larder.service.client, change)(path, headers=as_superuser(), **body)
            answer.raise_for_status()
            for stream in streams:
                stream.take(1)
            for _ in range(8):
                with larder.stream(recipe, last=0) as late:
                    shown = late.take(2)[1].data["comment"]
                    assert shown is None if change == "delete" else shown["text"] == "Nothing"


@pytest.mark.parametrize("how", ENDS)
def test_streams_end_with_the_session_at_once(larder: Larder, how: str) -> None:
    account, (method, path, body, is_his_own) = new_account(larder), ENDS[how]
    headers, recipe = sign_in(larder, account), larder.new_recipe()
    with on_each_worker(larder, recipe, headers) as streams, larder.stream(recipe, headers=as_superuser()) as other:
        path = f"/api/v1{path.format(**account)}"
        answer = larder.service.client.request(
            method, path, json=body, headers=headers if is_his_own else as_superuser()
        )
        answer.raise_for_status()
        assert_end_at_once(streams)
        assert not other.ends_within(0.1)


def test_streams_end_with_the_key_at_once(larder: Larder) -> None:
    headers = sign_in(larder, new_account(larder))
    data = {"name": "A machine", "scopes": ["recipes:read"]}
    made = larder.service.client.post("/api/v1/auth/api-keys", json=data, headers=headers).raise_for_status()
    key = made.json()["key"]
    with on_each_worker(larder, larder.new_recipe(), {"X-API-Key": key}) as streams:
        larder.service.client.delete(f"/api/v1/auth/api-keys/{made.json()['id']}", headers=headers).raise_for_status()
        assert_end_at_once(streams)


def test_streams_end_also_when_nobody_was_told(larder: Larder) -> None:
    account, recipe = new_account(larder), larder.new_recipe()
    with larder.stream(recipe, headers=sign_in(larder, account)) as signed_in, larder.stream(recipe) as anonymous:
        with larder.engine.begin() as connection:
            connection.execute(delete(LoginSession).where(LoginSession.user_id == account["id"]))
            connection.execute(update(Recipe).where(Recipe.id == recipe).values(deleted_at=utc_now()))
        assert signed_in.ends_within(12)
        assert anonymous.ends_within(12)


@pytest.mark.parametrize("larder", ["postgresql"], indirect=True)
def test_slow_reader_is_left_behind_and_goes_on_where_he_was(larder: Larder) -> None:
    """He reads nothing while more is written than the system keeps for him, and than may wait for him here."""
    recipe = larder.new_recipe()
    comment = larder.comment(recipe, "x" * 5000)
    with Stream(larder.service.port, PATH.format(recipe), room=4096) as slow, larder.stream(recipe) as quick:
        quick.take(1)
        for _ in range(30):
            larder.write(recipe, *[comment] * 100)
            quick.take(100)
        heard: list[Said] = []
        slow.begin()
        while (said := slow.next()) is not None:
            heard.append(said)
            assert len(heard) < 3001, "it was never left behind"
    last = heard[-1].id
    assert numbers(heard[1:]) == [*range(2, (last or 0) + 1)]
    with larder.stream(recipe, last=3000) as again:
        larder.write(recipe, comment)
        assert numbers(again.take(3)) == [3000, 3001, 3002]
