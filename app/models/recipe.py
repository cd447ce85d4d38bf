"""What the larder is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base
from app.db.soft_delete import SoftDelete

if TYPE_CHECKING:
    from app.models.user import User


class Recipe(SoftDelete, Base):
    __tablename__ = "recipe"

    label: Mapped[str] = mapped_column(String(256))
    source: Mapped[str] = mapped_column(String(256))
    url: Mapped[str] = mapped_column(String(2048))
    # A recipe outlives its submitter.
    submitter_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)

    submitter: Mapped[User | None] = relationship(back_populates="recipes")


# The rows of one source, in the order that lists have when nobody asks for another.
Index(None, Recipe.source, Recipe.id)
