"""The list of tables. Alembic and `relationship()` read it; a table that is missing here does not exist."""

from app.models.recipe import Recipe
from app.models.seed import Seed
from app.models.user import User

__all__ = ["Recipe", "Seed", "User"]
