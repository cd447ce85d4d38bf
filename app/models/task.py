"""What somebody has to do."""

from datetime import date

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.soft_delete import SoftDelete


class Task(SoftDelete, Base):
    __tablename__ = "task"
    __table_args__ = (Index(None, "owner_id", "id"), Index(None, "owner_id", "due_date", "id"), Base.__table_args__)

    owner_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(50))
    description: Mapped[str] = mapped_column(String(500))
    due_date: Mapped[date | None]
    completed: Mapped[bool]
