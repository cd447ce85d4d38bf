"""What recipes need beyond `CRUDBase`: who owns them, and what they are found by."""

from sqlalchemy import ColumnElement, true
from sqlalchemy.orm import Session

from app.core.principal import Principal
from app.core.scopes import Scope
from app.crud.base import CRUDBase
from app.crud.precondition import ALWAYS, Precondition
from app.crud.returning import Values
from app.db.notices import tell
from app.models import Recipe
from app.schemas.recipe import RecipeCreate, RecipeUpdate


class CRUDRecipe(CRUDBase[Recipe, RecipeCreate, RecipeUpdate]):
    filters = ("id", "label", "source", "url", "submitter_id", "created_at", "updated_at")
    searches = ("label", "source")
    sorts = ("id", "label", "source", "created_at", "updated_at")

    def changeable(self, caller: Principal) -> ColumnElement[bool]:
        return true() if Scope.recipes_admin in caller.scopes else Recipe.submitter_id == caller.id

    def remove(self, session: Session, id: int, caller: Principal, precondition: Precondition = ALWAYS) -> None:
        super().remove(session, id, caller, precondition)
        tell(session, f"removed {id}")

    def owned(self, caller: Principal | None) -> Values:
        return {"submitter_id": caller and caller.id}


recipe = CRUDRecipe(Recipe)
