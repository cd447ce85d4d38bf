"""How far the events of each recipe have been numbered."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Feed(Base):
    """A row of its own, so that numbering locks no recipe and changes none."""

    __tablename__ = "feed"

    recipe_id: Mapped[int] = mapped_column(ForeignKey("recipe.id", ondelete="CASCADE"), unique=True)
    number: Mapped[int]
