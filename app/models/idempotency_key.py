"""The answers to requests that may be sent again."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identity


class IdempotencyKey(Base):
    __tablename__ = "idempotency_key"
    __table_args__ = (
        Index("uq_idempotency_key_key", "caller_id", "path", "key", unique=True),
        Base.__table_args__,
    )

    # 0 for a caller who is not signed in: NULLs would not be unique. No foreign key: the account may go.
    caller_id: Mapped[int] = mapped_column(Identity)
    path: Mapped[str] = mapped_column(String(256))
    key: Mapped[str] = mapped_column(String(255))
    request_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int]
    location: Mapped[str | None] = mapped_column(String(512))
    etag: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)
