"""What happened to an account, for its owner to see."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identity


class Event(Base):
    __tablename__ = "event"
    __table_args__ = (Index(None, "user_id", "id"), Base.__table_args__)

    # NULL for what was tried with an address that no account has: it takes as long to write, and so tells nobody.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    what: Mapped[str] = mapped_column(String(32))
    # Such as the role that was given.
    detail: Mapped[str | None] = mapped_column(String(256))
    # Who did it, if it was not the owner. No foreign key: that account may go.
    actor_id: Mapped[int | None] = mapped_column(Identity)
    address: Mapped[str | None] = mapped_column(String(64))
    device: Mapped[str | None] = mapped_column(String(256))
