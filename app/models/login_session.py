"""Where somebody is signed in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Instant


class LoginSession(Base):
    """Lives as long as its row does; see `app.crud.login_session`."""

    __tablename__ = "login_session"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    # The account's `token_generation` when it began.
    generation: Mapped[int]
    # What it was begun for, in words; NULL for all that the account may do.
    scope: Mapped[str | None] = mapped_column(String(512))
    # SHA-256 of the halves of the refresh token that is good now.
    family_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    last_used_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    address: Mapped[str | None] = mapped_column(String(64))
    device: Mapped[str | None] = mapped_column(String(256))
