"""Connections that are lost, and databases that are not there."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine, QueuePool, text

from app.core.errors import Conflict, Unavailable
from app.db.engine import IDLE, make_engine, reading
from app.db.kept import kept
from app.db.session import OwnSession, ReadSession, Session
from tests.support import free_port, wait_until


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_lost_idle_connection_is_replaced_unnoticed(database_url: str, engine: Engine) -> None:
    own_engine = make_engine(database_url)
    with own_engine.connect() as connection:
        lost = {"pid": connection.execute(text("SELECT pg_backend_pid()")).scalar_one()}
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), lost)
        is_there = text("SELECT FROM pg_stat_activity WHERE pid = :pid")
        wait_until(lambda: other.execute(is_there, lost).first() is None)
    time.sleep(IDLE)
    with own_engine.connect() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != lost["pid"]
    own_engine.dispose()


def test_after_a_failure_it_pauses_before_it_tries_again() -> None:
    port = free_port()
    engine = make_engine(f"postgresql+psycopg2://larder@127.0.0.1:{port}/larder")
    with pytest.raises(Unavailable) as first:
        engine.connect()
    with socket.create_server(("127.0.0.1", port)) as listener:
        with pytest.raises(Unavailable) as second:
            engine.connect()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody came
            listener.accept()
    assert str(second.value.__cause__) == str(first.value.__cause__)


def in_thread(*calls: Callable[[], object]) -> None:
    """Makes them in a thread of their own, one after the other."""
    with ThreadPoolExecutor(1) as thread:
        for call in calls:
            thread.submit(call).result()


def use(sessions: type[Session], engine: Engine, borrowed_afterwards: int) -> None:
    with sessions(engine) as session:
        assert session.connection().execute(text("SELECT 1")).scalar_one() == 1
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedout() == borrowed_afterwards


def test_only_threads_that_are_allowed_to_keep_a_connection(database_url: str) -> None:
    engine = make_engine(database_url)
    reader = reading(engine)
    in_thread(partial(use, ReadSession, reader, 0))
    in_thread(
        kept.allow,
        partial(use, ReadSession, reader, 1),
        partial(use, ReadSession, reader, 1),
        partial(use, OwnSession, engine, 1),  # the same one: a thread has one at most
        partial(use, ReadSession, reader, 1),
    )
    engine.dispose()


def test_sessions_within_each_other_have_a_connection_each(database_url: str) -> None:
    engine = make_engine(database_url)
    reader = reading(engine)

    def nested() -> None:
        with ReadSession(reader) as outer, ReadSession(reader) as inner, OwnSession(engine) as writer:
            connections = {id(one.connection()) for one in (outer, inner, writer)}
            assert len(connections) == 3
            assert outer.connection().execute(text("SELECT 1")).scalar_one() == 1

    in_thread(kept.allow, nested)
    engine.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_lost_kept_connection_is_replaced_unnoticed(database_url: str, engine: Engine) -> None:
    own_engine = make_engine(database_url)
    pids: list[int] = []

    def ask() -> None:
        with ReadSession(reading(own_engine)) as session:
            pids.append(session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one())

    def lose() -> None:
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pids[-1]})
            is_there = text("SELECT FROM pg_stat_activity WHERE pid = :pid")
            wait_until(lambda: other.execute(is_there, {"pid": pids[-1]}).first() is None)
        time.sleep(IDLE)

    in_thread(kept.allow, ask, ask, lose, ask)
    assert pids[0] == pids[1] != pids[2]
    own_engine.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_kept_connection_outlives_a_failed_commit(database_url: str) -> None:
    engine = make_engine(database_url)

    def fail() -> None:
        with OwnSession(engine) as session:
            session.connection().execute(text("CREATE TABLE one (value INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
            session.connection().execute(text("INSERT INTO one VALUES (1), (1)"))
            with pytest.raises(Conflict):
                session.commit()

    write, read = partial(use, OwnSession, engine, 1), partial(use, ReadSession, reading(engine), 1)
    in_thread(kept.allow, fail, write, fail, read)
    engine.dispose()


def test_kept_connection_writes_and_reads_in_turn(database_url: str, engine: Engine) -> None:
    own_engine = make_engine(database_url)
    found: list[int] = []
    add = text("INSERT INTO number VALUES (1)")

    def write(*, commits: bool) -> None:
        with OwnSession(own_engine) as session:
            session.connection().execute(add)
            if commits:
                session.commit()

    def read() -> None:
        with ReadSession(reading(own_engine)) as session:
            found.append(session.connection().execute(text("SELECT count(*) FROM number")).scalar_one())

    def read_elsewhere() -> None:
        in_thread(read)

    with own_engine.begin() as connection:
        connection.execute(text("CREATE TABLE number (value INTEGER)"))
    wrote, gave_up = partial(write, commits=True), partial(write, commits=False)
    in_thread(kept.allow, read, wrote, read, gave_up, read_elsewhere, wrote, gave_up, gave_up, read, read_elsewhere)
    with own_engine.begin() as connection:
        connection.execute(text("DROP TABLE number"))
    own_engine.dispose()
    assert found == [0, 1, 1, 2, 2]
