"""Who signs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base

if TYPE_CHECKING:
    from app.models.recipe import Recipe


class User(Base):
    __tablename__ = "user"

    # Written in lower case, so that the constraint is unique without regard to case.
    email: Mapped[str] = mapped_column(String(254), unique=True)
    hashed_password: Mapped[str] = mapped_column(String(255))
    first_name: Mapped[str | None] = mapped_column(String(256))
    surname: Mapped[str | None] = mapped_column(String(256))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    # Grows when the password changes or the account is closed; tokens of an older generation are dead.
    token_generation: Mapped[int] = mapped_column(default=1)

    recipes: Mapped[list[Recipe]] = relationship(back_populates="submitter", passive_deletes=True)
