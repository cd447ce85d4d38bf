"""What was planted at a first start, so that it is never planted again."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Seed(Base):
    __tablename__ = "seed"

    name: Mapped[str] = mapped_column(String(64), unique=True)
