"""What happened to the comments of a recipe, for those who watch."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identity


class FeedEvent(Base):
    """Says which comment it is about, and not what that says: a text that was taken back stays nowhere."""

    __tablename__ = "feed_event"
    __table_args__ = (UniqueConstraint("recipe_id", "number"), Base.__table_args__)

    recipe_id: Mapped[int] = mapped_column(ForeignKey("recipe.id", ondelete="CASCADE"))
    number: Mapped[int]
    what: Mapped[str] = mapped_column(String(32))
    # No foreign key: the comment may go.
    comment_id: Mapped[int] = mapped_column(Identity)
