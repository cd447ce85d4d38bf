"""A request that is sent again is answered again, not done again (draft-ietf-httpapi-idempotency-key-header)."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, FieldError, Invalid
from app.crud.sweep import forget
from app.db.base import utc_now
from app.models import IdempotencyKey

LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose request it is (0 for nobody's), where it goes, under which key, and a digest of what it says."""

    caller_id: int
    path: str
    key: str
    digest: bytes


def earlier_answer(session: Session, claim: Claim) -> IdempotencyKey | None:
    """What was answered to the same request before; holds the claim until the transaction ends if nothing was.

    Raises `Conflict` while the same request is still being worked on, and `Invalid` when the key was used for
    another one. On SQLite, where there is one writer at a time, it waits for the other instead.
    """
    if session.get_bind().dialect.name == "postgresql" and not session.scalar(
        select(func.pg_try_advisory_xact_lock(_lock_number(claim)))
    ):
        raise Conflict("A request with this Idempotency-Key is still being worked on")
    same = {"caller_id": claim.caller_id, "path": claim.path, "key": claim.key}
    answer = session.scalar(select(IdempotencyKey).filter_by(**same))
    if answer is None:
        return None
    if answer.created_at < utc_now() - LIFETIME:
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.id == answer.id))
        return None
    if answer.request_digest != claim.digest:
        pointer = "header/Idempotency-Key"
        raise Invalid("The key was used before", FieldError(pointer, "belongs to another request", "key_reused"))
    return answer


def sweep(session: Session) -> int:
    """Forgets up to 1,000 of the answers that are too old to be asked for, and says how many."""
    return forget(session, IdempotencyKey, IdempotencyKey.created_at < utc_now() - LIFETIME)


def _lock_number(claim: Claim) -> int:
    name = f"{claim.caller_id} {claim.path} {claim.key}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
