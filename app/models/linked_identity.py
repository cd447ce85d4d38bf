"""Who somebody is at an OpenID provider, and which account that opens."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class LinkedIdentity(Base):
    __tablename__ = "linked_identity"
    __table_args__ = (
        Index("uq_linked_identity_subject", "issuer", "subject", unique=True),
        # A second one would be somebody else who was given the same e-mail address later.
        Index("uq_linked_identity_user_id", "user_id", "issuer", unique=True),
        Base.__table_args__,
    )

    # NULL once it was unlinked: the row stays, so that its e-mail does not link it again.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
