"""What somebody has to say about a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base

if TYPE_CHECKING:
    from app.models.user import User


class Comment(Base):
    __tablename__ = "comment"
    __table_args__ = (Index(None, "recipe_id", "id"), Base.__table_args__)

    recipe_id: Mapped[int] = mapped_column(ForeignKey("recipe.id", ondelete="CASCADE"))
    # A comment outlives its author's account.
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"), index=True)
    text: Mapped[str] = mapped_column(String(5000))
    # Where it was sent from.
    address: Mapped[str | None] = mapped_column(String(64), index=True)

    author: Mapped[User | None] = relationship()
