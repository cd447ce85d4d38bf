"""Second factors: set up, confirmed, asked for, removed. Each code counts once.

Wrong codes are counted where the secret is, so that the bound holds on all hosts: after ten, codes of the app are
refused until a day after the first of them. Recovery codes, which nobody can guess, still count.
"""

from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from app.core.errors import Conflict, FieldError, Invalid, NotAuthenticated, NotFound, SecondFactorRequired
from app.core.happenings import Happening
from app.core.principal import Principal
from app.core.recovery_code import new_recovery_code, recovery_code_hash
from app.core.security import TotpSecret
from app.crud.trail import record
from app.db.base import utc_now
from app.db.ending import in_any_case
from app.models import RecoveryCode, Totp, User
from app.schemas.totp import TotpRead

RowsT = TypeVar("RowsT", bound=Select[*tuple[Any, ...]])

RECOVERY_CODES = 10

WRONG_CODES = 10
REST = timedelta(days=1)


def read(session: Session, user_id: int) -> TotpRead:
    confirmed_at = session.scalar(select(Totp.confirmed_at).where(Totp.user_id == user_id))
    left = session.scalar(select(func.count()).where(RecoveryCode.user_id == user_id))
    return TotpRead(is_active=confirmed_at is not None, recovery_codes_left=left or 0, confirmed_at=confirmed_at)


def check(session: Session, user_id: int, code: str | None) -> bool:
    """Uses up the code of an account that has a second factor, and says whether it has.

    `SecondFactorRequired` without a code, `NotAuthenticated` for one that is wrong or was used before.
    """
    found = session.execute(_locked(select(Totp.id, Totp.secret).where(_active(user_id)))).first()
    if found is None:
        return False
    if code is None:
        raise SecondFactorRequired("The account has a second factor, so this takes a code too")
    step = TotpSecret(found.secret).step(code)
    if _use_recovery_code(session, user_id, code) if step is None else _use_step(session, found.id, step):
        return True
    record(session, Happening.second_factor_failed, user_id)
    if step is None:
        in_any_case(session, partial(_count_wrong_code, id=found.id))
    error = FieldError("/code", "is wrong or was used before", "code")
    raise NotAuthenticated("The code is wrong or was used before", error)


def begin(session: Session, user: User) -> TotpSecret:
    """For a user who has been locked: a secret that is asked for once it is confirmed.

    Takes the place of one that was not; `Conflict` if one was.
    """
    secret = TotpSecret()
    session.execute(delete(Totp).where(Totp.user_id == user.id, Totp.confirmed_at.is_(None)))
    if session.scalar(select(Totp.id).where(Totp.user_id == user.id)):
        raise Conflict("The account has a second factor; remove it first")
    session.execute(insert(Totp).values(user_id=user.id, secret=secret.stored))
    return secret


def confirm(session: Session, user_id: int, code: str) -> list[str]:
    """Has the account ask for codes from now on, and answers its recovery codes."""
    unconfirmed = Totp.user_id == user_id, Totp.confirmed_at.is_(None)
    found = session.execute(_locked(select(Totp.secret).where(*unconfirmed))).first()
    if found is None:
        raise Conflict("There is no second factor to be confirmed")
    step = TotpSecret(found.secret).step(code)
    if step is None:
        raise Invalid("The code is wrong", FieldError("/code", "is wrong", "code"))
    confirmed = update(Totp).where(*unconfirmed, Totp.secret == found.secret)
    values = {"confirmed_at": utc_now(), "last_step": step}
    if session.scalar(confirmed.values(values).returning(Totp.id)) is None:
        raise Conflict("There is no second factor to be confirmed")
    record(session, Happening.second_factor_added, user_id)
    return _new_recovery_codes(session, user_id)


def renew_recovery_codes(session: Session, user_id: int, code: str) -> list[str]:
    """Ten others; those of before count no more."""
    if not check(session, user_id, code):
        raise _none()
    record(session, Happening.recovery_codes_renewed, user_id)
    return _new_recovery_codes(session, user_id)


def remove(session: Session, user_id: int, by: Principal) -> None:
    """Both the app and the recovery codes; `NotFound` without a second factor."""
    found = session.execute(_locked(select(Totp.id).where(_active(user_id)))).first()
    if found is None or session.scalar(delete(Totp).where(Totp.id == found.id).returning(Totp.id)) is None:
        raise _none()
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    record(session, Happening.second_factor_removed, user_id, by=by)


def _none() -> NotFound:
    return NotFound("The account has no second factor")


def _active(user_id: int) -> ColumnElement[bool]:
    return and_(Totp.user_id == user_id, Totp.confirmed_at.is_not(None))


def _locked(rows: RowsT) -> RowsT:
    """The same, with the account locked, so that its second factor is one request's business at a time.

    The account before all else, as those lock it who change its password: who locks in another order waits for ever.
    """
    return rows.join(User, User.id == Totp.user_id).with_for_update(of=User, key_share=True)


def _rested() -> ColumnElement[bool]:
    return or_(Totp.wrong_since.is_(None), Totp.wrong_since < utc_now() - REST)


def _use_step(session: Session, id: int, step: int) -> bool:
    # Of those who send the same code at once, one finds the step unused.
    unused = Totp.id == id, Totp.last_step < step, or_(Totp.wrong_codes < WRONG_CODES, _rested())
    values = {"last_step": step, "wrong_codes": 0, "wrong_since": None}
    return session.scalar(update(Totp).where(*unused).values(values).returning(Totp.id)) is not None


def _use_recovery_code(session: Session, user_id: int, code: str) -> bool:
    own = RecoveryCode.user_id == user_id, RecoveryCode.code_hash == recovery_code_hash(code)
    used = session.scalar(delete(RecoveryCode).where(*own).returning(RecoveryCode.id)) is not None
    if used:
        record(session, Happening.recovery_code_used, user_id)
    return used


def _count_wrong_code(session: Session, id: int) -> None:
    rested = _rested()
    values = {
        "wrong_codes": case((rested, 1), else_=Totp.wrong_codes + 1),
        "wrong_since": case((rested, utc_now()), else_=Totp.wrong_since),
    }
    session.execute(update(Totp).where(Totp.id == id).values(values))


def _new_recovery_codes(session: Session, user_id: int) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
    session.execute(insert(RecoveryCode), [{"user_id": user_id, "code_hash": recovery_code_hash(one)} for one in codes])
    return codes
