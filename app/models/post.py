"""A picture or a video, with what is said of it; maybe of a recipe."""

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Post(Base):
    __tablename__ = "post"
    __table_args__ = (Index(None, "recipe_id", "id"), Index(None, "owner_id", "id"), Base.__table_args__)

    caption: Mapped[str] = mapped_column(String(512))
    # A post outlives its recipe, and goes with the account of who made it: it may show him.
    recipe_id: Mapped[int | None] = mapped_column(ForeignKey("recipe.id", ondelete="SET NULL"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))

    # Where the storage has the file, and its thumbnail once there is one; see `app.media.kind`.
    key: Mapped[str] = mapped_column(String(64), unique=True)
    thumbnail_key: Mapped[str | None] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(32))
    # Bytes, and their SHA-256 in hexadecimal.
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    # Pixels.
    width: Mapped[int | None]
    height: Mapped[int | None]
