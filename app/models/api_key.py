"""What machines of an account sign in with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Instant


class ApiKey(Base):
    __tablename__ = "api_key"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(256))
    # How it begins.
    hint: Mapped[str] = mapped_column(String(16))
    # SHA-256.
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    # Names separated by spaces.
    scopes: Mapped[str] = mapped_column(String(512))
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
