"""The list of tables. Alembic and `relationship()` read it; a table that is missing here does not exist."""

from app.models.idempotency_key import IdempotencyKey as IdempotencyKey
from app.models.recipe import Recipe as Recipe
from app.models.seed import Seed as Seed
from app.models.user import User as User
