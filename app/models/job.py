"""The outbox: work that a transaction leaves for after its commit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Instant


class Job(Base):
    """A job that is done has no row any more."""

    __tablename__ = "job"

    name: Mapped[str] = mapped_column(String(64))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    # When it is due. While an attempt runs, when it counts as lost; None once it was given up.
    run_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    # Why the last attempt failed.
    reason: Mapped[str | None] = mapped_column(String(256))
