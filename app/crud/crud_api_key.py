"""What keys need beyond `CRUDBase`: they are made once, known by their hash, and everybody has his own."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import ColumnElement, bindparam, false, select
from sqlalchemy.orm import Session

from app.core.api_key import ApiKey as Secret
from app.core.errors import NotAllowed, NotAuthenticated
from app.core.happenings import Happening
from app.core.principal import Principal, SignedIn
from app.core.scopes import in_words
from app.crud.base import CRUDBase
from app.crud.key_uses import note
from app.crud.precondition import ALWAYS, Precondition
from app.crud.sweep import forget
from app.crud.trail import record
from app.db.base import utc_now
from app.models import ApiKey, User
from app.schemas.api_key import ApiKeyCreate
from app.schemas.types import Nothing

KEPT = timedelta(days=30)
"""For how long a key that has expired is still listed."""

SIGNED_IN = (
    select(User.id, User.is_superuser, User.roles, ApiKey.id.label("key_id"), ApiKey.scopes)
    .join(ApiKey, ApiKey.user_id == User.id)
    .where(ApiKey.hash == bindparam("hash"), ApiKey.expires_at > bindparam("now"), User.is_active)
)
"""Made once, because many requests begin with it."""


class CRUDApiKey(CRUDBase[ApiKey, ApiKeyCreate, Nothing]):
    filters = ("id", "name", "expires_at", "last_used_at", "created_at")
    searches = ("name",)
    sorts = ("id", "name", "expires_at", "last_used_at", "created_at")

    def visible(self, caller: Principal | None) -> ColumnElement[bool]:
        return ApiKey.user_id == caller.id if caller else false()

    def make(self, session: Session, data: ApiKeyCreate, caller: Principal) -> tuple[ApiKey, Secret]:
        """The key, and its secret, which nobody can look up later; `NotAllowed` for more than the caller may do."""
        scopes = {*data.scopes}
        if not scopes <= caller.scopes:
            raise NotAllowed("A key may do no more than you may")
        secret = Secret.new()
        key = ApiKey(
            user_id=caller.id,
            name=data.name,
            hint=secret.hint,
            hash=secret.hash,
            scopes=in_words(scopes),
            expires_at=utc_now() + timedelta(days=data.expires_in_days),
        )
        session.add(key)
        session.flush()
        record(session, Happening.key_made, caller.id, detail=data.name)
        return key, secret

    def remove(self, session: Session, id: int, caller: Principal, precondition: Precondition = ALWAYS) -> None:
        name = self.get_one(session, id, caller).name
        super().remove(session, id, caller, precondition)
        record(session, Happening.key_revoked, caller.id, detail=name)

    def signed_in(self, session: Session, secret: Secret) -> SignedIn:
        """Whose key it is, and what he lets it do; `NotAuthenticated` when it has expired or was revoked."""
        row = session.connection().execute(SIGNED_IN, {"hash": secret.hash, "now": utc_now()}).first()
        if row is None:
            raise NotAuthenticated("The key is not valid")
        note(row.key_id)
        return SignedIn.of(row.id, row.is_superuser, row.roles, row.scopes)

    def living_among(self, session: Session, hashes: Collection[bytes]) -> set[bytes]:
        """Those of the keys that are good for something now."""
        rows = select(ApiKey.hash).join(User).where(ApiKey.hash.in_(hashes), ApiKey.expires_at > utc_now())
        return set(session.scalars(rows.where(User.is_active)))

    def sweep(self, session: Session) -> int:
        """Forgets up to 1,000 of the keys that expired more than a month ago, and says how many."""
        return forget(session, ApiKey, ApiKey.expires_at < utc_now() - KEPT)


api_key = CRUDApiKey(ApiKey)
