"""The second factor of an account: an app that knows the secret which codes are made of (RFC 6238)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Instant


class Totp(Base):
    """Asked for once it is confirmed; see `app.crud.totp`."""

    __tablename__ = "totp"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), unique=True)
    # Encrypted; see `app.core.security`.
    secret: Mapped[str] = mapped_column(String(255))
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    # The number of the time step whose code was used last. Codes of that one and of earlier ones are used up.
    last_step: Mapped[int] = mapped_column(default=0)
    # Wrong codes since the last right one, within a day, and when the first of them came.
    wrong_codes: Mapped[int] = mapped_column(default=0)
    wrong_since: Mapped[datetime | None] = mapped_column(Instant)
