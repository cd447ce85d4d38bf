"""The application as it is, on databases that the migrations built, each test in a transaction that is thrown away.

A test that takes `client` or `session` runs once on SQLite and once on PostgreSQL. Nothing of the developer's own
settings or databases is ever touched.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRATCH = Path(tempfile.mkdtemp(prefix="larder-tests-"))

# Before the application reads its settings: none of the developer's.
for name in [*os.environ]:
    if name in (ROOT / ".env.example").read_text():
        del os.environ[name]
os.environ |= {
    "ENV_FILE": "",
    "DATA_DIR": str(SCRATCH),
    "SECRET_KEY": "only-the-tests-sign-their-tokens-with-this",
    "FIRST_SUPERUSER_PASSWORD": "only for the tests",
    "JOB_THREADS": "0",  # tests run the jobs themselves, when they want to
    "RATE_LIMITS": "*=1000000/minute",
}

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from app import crud, sweeps
from app.api import event_stream, health, noting, watching
from app.clients.counters import Counters, counters
from app.clients.redis import Redis
from app.core import security
from app.core.config import settings
from app.core.principal import SignedIn
from app.crud import key_uses, login_session
from app.db import session as database
from app.jobs.runner import run_due
from app.mail import transport
from app.main import app
from app.models import User
from app.schemas.api_key import ApiKeyCreate
from app.schemas.user import UserCreate
from tests.support.clock import Clock
from tests.support.postgres import NoServer, fresh_database, postgres_server

POSTGRES = "TEST_POSTGRES"
WHY_NOT = "TEST_POSTGRES_MISSING"
PASSWORD = "correct horse battery staple"

# 0.5 ms instead of 20 a hash, or half of the run would be hashing.
security.passwords.update(argon2__memory_cost=8, argon2__time_cost=1)


def pytest_configure(config: pytest.Config) -> None:
    """Starts one PostgreSQL for all workers; they find it through the environment, as does whatever they start."""
    config.add_cleanup(partial(shutil.rmtree, SCRATCH, ignore_errors=True))
    if hasattr(config, "workerinput"):
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    try:
        os.environ[POSTGRES] = stack.enter_context(postgres_server())
    except NoServer as reason:
        os.environ[WHY_NOT] = str(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly what was not tested, and why."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", []))
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} tests {reason}", red=True, bold=True)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database at the newest migration, without rows."""
    with new_database(request.param) as url:
        yield url


@contextmanager
def new_database(kind: str) -> Iterator[str]:
    with ExitStack() as stack:
        url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/larder.db"
        if kind == "postgresql":
            if WHY_NOT in os.environ:
                pytest.skip(f"no PostgreSQL: {os.environ[WHY_NOT]}")
            url = stack.enter_context(fresh_database(os.environ[POSTGRES]))
        migrate(url)
        yield url


def migrate(url: str) -> None:
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "DATABASE_URL": url})


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def own_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database that a module's tests have to themselves, with as many connections as they like."""
    with new_database(request.param) as url:
        engine = database.make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """The one connection of a test. What the application commits on it is a savepoint, gone with the test."""
    with engine.connect() as connection:
        transaction = connection.begin()
        for sessions in (database.WriteSessions, database.ReadSessions):
            sessions.configure(bind=connection, join_transaction_mode="create_savepoint")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "engine", engine)
            yield connection
        transaction.rollback()


@pytest.fixture
def session(connection: Connection) -> Iterator[Session]:
    """For what a test arranges and looks at itself. It sees what the application committed, and the other way round."""
    with database.WriteSessions() as session:
        yield session


async def nothing(*_: object) -> None:
    """Stands in for tasks that would read on the connection of whichever test is running."""
    await asyncio.Event().wait()


vars(watching).update(hear=nothing, _check_for_ever=nothing)


@pytest.fixture(scope="session")
def lifespan() -> Iterator[TestClient]:
    # Its tasks would write on the connection of whichever test is running.
    noting.PERIOD = 1e6
    sweeps.seconds_to_night = lambda: 1e6
    event_stream.LONGEST = 0  # a stream ends once it has said what there is: this client waits for the end
    with TestClient(app) as client:
        yield client
        key_uses.noted.clear()


@pytest.fixture
def client(lifespan: TestClient, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(health, "PATIENCE", 60)  # a probe's is too short for a busy machine
    return lifespan


@pytest.fixture
def make_user(session: Session) -> Callable[..., User]:
    return partial(new_user, session)


def new_user(session: Session, name: str = "ann", **fields: object) -> User:
    """A user, `ann@example.com` unless told otherwise, with the password PASSWORD."""
    data = UserCreate.model_validate({"email": f"{name}@example.com", "password": PASSWORD, **fields})
    user = crud.user.create(session, data)
    session.commit()
    return user


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    return make_user()


@pytest.fixture
def superuser(make_user: Callable[..., User]) -> User:
    return make_user("root", is_superuser=True)


@pytest.fixture
def mails(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[EmailMessage]]:
    """Has the jobs run that are due, and answers the mails that were written so far, the oldest first."""
    directory = tmp_path / "mail"
    monkeypatch.setattr(transport, "transport", transport.Files(directory))

    def mails() -> list[EmailMessage]:
        run_due()
        paths = sorted(directory.iterdir()) if directory.exists() else []
        return [message_from_bytes(path.read_bytes(), EmailMessage, policy=default) for path in paths]

    return mails


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The limits of production, under which nobody has been counted yet; the clock stands still."""
    monkeypatch.delitem(settings.RATE_LIMITS, "*")
    monkeypatch.setattr(counters, "_memory", Counters(Redis())._memory)
    return Clock(monkeypatch)


def as_user(user: User, scope: str | None = None) -> dict[str, str]:
    """The headers of a request by this user, in a session that begins now."""
    with database.WriteSessions.begin() as session:
        return in_session(user.id, login_session.begin(session, user).session_id, scope)


def with_key(user: User, *scopes: str, header: str = "X-API-Key") -> dict[str, str]:
    """The headers of a request by a machine of this user."""
    with database.WriteSessions.begin() as session:
        data = ApiKeyCreate(name="A machine", scopes=[*scopes])
        _, secret = crud.api_key.make(session, data, SignedIn(user.id, user.scopes))
    return {header: secret.text if header == "X-API-Key" else f"Bearer {secret.text}"}


def in_session(user_id: int, session_id: int, scope: str | None = None) -> dict[str, str]:
    """The headers of a request in a session that is known to be there."""
    token, _ = security.write_access_token(security.AccessToken(user_id, session_id, scope))
    return {"Authorization": f"Bearer {token}"}
