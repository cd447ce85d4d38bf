"""Connections that are lost, and databases that are not there."""

import socket

import pytest
from sqlalchemy import Engine, text

from app.core.errors import Unavailable
from app.db.session import make_engine
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
