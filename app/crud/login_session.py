"""Sessions: where somebody is signed in, and until when. An access token names its session.

A session lives as long as its row does and its account is in the generation in which it began: who deletes the row, or
raises `User.token_generation`, ends it for the next request, wherever that is served.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, delete, select, update
from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.errors import NotAuthenticated, NotFound
from app.core.happenings import Happening
from app.core.origin import asked_from
from app.core.principal import SignedIn
from app.core.refresh_token import BrowserToken, RefreshToken
from app.core.scopes import Scopes, granted
from app.core.security import AccessToken
from app.crud.sweep import forget
from app.crud.trail import record
from app.db.base import utc_now
from app.db.ending import in_any_case
from app.models import LoginSession, User

EXPIRY = timedelta(days=settings.SESSION_EXPIRE_DAYS)
IDLENESS = timedelta(days=settings.SESSION_IDLE_DAYS)

NOTICED = timedelta(minutes=settings.ACCESS_TOKEN_EXPIRE_MINUTES)
"""How exactly it is known when a browser last used its session."""

RETRY = timedelta(seconds=10)
"""For how long the refresh token that was used last may be used again: its answer may have been lost."""

SHOWN = 100

_session = select(LoginSession.generation).where(
    LoginSession.id == bindparam("session_id"), LoginSession.user_id == bindparam("user_id")
)
# Not a join, which PostgreSQL takes longer to plan.
SIGNED_IN = select(User.id, User.is_superuser, User.roles).where(
    User.id == bindparam("user_id"), User.is_active, User.token_generation == _session.scalar_subquery()
)
"""Made once, because many requests begin with it."""


class Opened(NamedTuple):
    """What a client needs to go on with a session. `scopes` is what it may do now, `scope` what it asked for."""

    session_id: int
    user_id: int
    scope: str | None
    scopes: Scopes
    expires_at: datetime
    refresh_token: RefreshToken


def signed_in(session: Session, token: AccessToken) -> SignedIn:
    """Whose token it is; `NotAuthenticated` when his session has ended since. Writes nothing, not even when it was."""
    values = {"user_id": token.user_id, "session_id": token.session_id}
    user = session.connection().execute(SIGNED_IN, values).first()
    if user is None:
        raise NotAuthenticated("The session has ended")
    return SignedIn.of(user.id, user.is_superuser, user.roles, token.scope, token.session_id)


def begin(session: Session, user: User, scope: str | None = None, kind: type[RefreshToken] = RefreshToken) -> Opened:
    """Good for all that the account may do, or for the scopes that are named, as far as it may.

    Dead from the start if the account has changed its generation since `user` was read.
    """
    token = kind.new()
    now = utc_now()
    begun = LoginSession(
        user_id=user.id,
        generation=user.token_generation,
        scope=scope,
        family_hash=token.family_hash,
        secret_hash=token.secret_hash,
        last_used_at=now,
        expires_at=now + EXPIRY,
        **asked_from.get()()._asdict(),
    )
    session.add(begun)
    session.flush()
    record(session, Happening.signed_in, user.id)
    return _opened(begun, user, token)


def renew(session: Session, token: RefreshToken) -> Opened:
    """Takes a refresh token and answers the next one (RFC 9700, section 4.14.2).

    One that was used before ends the session, because one of two who have it stole it; `NotAuthenticated` then, and
    when the session has ended. But the last one that was used is answered again within `RETRY`, and with the same.
    """
    family = LoginSession.family_hash == token.family_hash
    # Locked, so that of two who come at once the second one sees the first's work.
    rows = select(LoginSession, User).join(User).where(family, _living()).with_for_update(of=LoginSession)
    row = session.execute(rows).first()
    if row is None:
        raise NotAuthenticated("The session has ended")
    found, user = row
    successor, now = token.successor(), utc_now()
    if found.secret_hash == token.secret_hash:
        found.secret_hash, found.last_used_at = successor.secret_hash, now
        found.address, found.device = asked_from.get()()
        session.flush()
    elif found.secret_hash != successor.secret_hash or now - found.last_used_at > RETRY:
        record(session, Happening.refresh_token_reused, found.user_id)
        stolen = delete(LoginSession).where(LoginSession.id == found.id)
        in_any_case(session, lambda session: session.execute(stolen))
        raise NotAuthenticated("The refresh token was used before, so its session has ended")
    return _opened(found, user, successor)


def in_browser(session: Session, token: BrowserToken) -> SignedIn:
    """Whose cookie it is; `NotAuthenticated` when his session has ended."""
    row = session.execute(select(LoginSession, User).join(User).where(*_of(token), _living())).first()
    if row is None:
        raise NotAuthenticated("The session has ended")
    found, user = row
    if utc_now() - found.last_used_at > NOTICED:
        used = update(LoginSession).where(LoginSession.id == found.id)
        session.execute(used.values(last_used_at=utc_now()))
    return SignedIn.of(user.id, user.is_superuser, user.roles, session_id=found.id)


def end_in_browser(session: Session, token: BrowserToken) -> None:
    """Without a word when it has ended already."""
    own = delete(LoginSession).where(*_of(token)).returning(LoginSession.user_id)
    if (user_id := session.scalar(own)) is not None:
        record(session, Happening.session_ended, user_id)


def living(session: Session, user_id: int) -> Sequence[LoginSession]:
    """The sessions of an account, up to 100 of them, those that were used last before the others."""
    rows = select(LoginSession).join(User).where(User.id == user_id, _living())
    return session.scalars(rows.order_by(LoginSession.last_used_at.desc(), LoginSession.id.desc()).limit(SHOWN)).all()


def living_among(session: Session, ids: Collection[int]) -> set[int]:
    """Those of the sessions that have not ended."""
    rows = select(LoginSession.id).join(User).where(LoginSession.id.in_(ids), _living())
    return set(session.scalars(rows))


def end(session: Session, user_id: int, id: int) -> None:
    """`NotFound` when it is not his."""
    own = delete(LoginSession).where(LoginSession.id == id, LoginSession.user_id == user_id)
    if session.scalar(own.returning(LoginSession.id)) is None:
        raise NotFound("There is no such session")
    record(session, Happening.session_ended, user_id)


def end_all(session: Session, user_id: int) -> None:
    session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))
    record(session, Happening.all_sessions_ended, user_id)


def sweep(session: Session) -> int:
    """Forgets some of the sessions that have expired, and says how many."""
    return forget(session, LoginSession, LoginSession.expires_at < utc_now())


def _of(token: BrowserToken) -> tuple[ColumnElement[bool], ...]:
    return LoginSession.family_hash == token.family_hash, LoginSession.secret_hash == token.secret_hash


def _opened(begun: LoginSession, user: User, token: RefreshToken) -> Opened:
    scopes = granted(user.is_superuser, user.roles, begun.scope)
    return Opened(begun.id, user.id, begun.scope, scopes, begun.expires_at, token)


def _living() -> ColumnElement[bool]:
    """For a statement that joins the account."""
    now = utc_now()
    return and_(
        User.is_active,
        User.token_generation == LoginSession.generation,
        LoginSession.expires_at > now,
        LoginSession.last_used_at > now - IDLENESS,
    )
