"""Who signs in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.scopes import Scopes, granted
from app.db.base import Base, Instant

if TYPE_CHECKING:
    from app.models.recipe import Recipe


class User(Base):
    __tablename__ = "user"

    # Written in lower case, so that the constraint is unique without regard to case.
    email: Mapped[str] = mapped_column(String(254), unique=True)
    # When somebody showed that he reads what is sent there; a new address has yet to be confirmed.
    email_verified_at: Mapped[datetime | None] = mapped_column(Instant)
    hashed_password: Mapped[str] = mapped_column(String(255))
    first_name: Mapped[str | None] = mapped_column(String(256))
    surname: Mapped[str | None] = mapped_column(String(256))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    # Names separated by spaces, see `app.core.scopes`.
    roles: Mapped[str] = mapped_column(String(256), default="", server_default="")
    # Grows when the password changes or the account is closed; sessions of an older generation are dead.
    token_generation: Mapped[int] = mapped_column(default=1)

    recipes: Mapped[list[Recipe]] = relationship(back_populates="submitter", passive_deletes=True)

    @property
    def scopes(self) -> Scopes:
        """What the account may do at most."""
        return granted(self.is_superuser, self.roles)
