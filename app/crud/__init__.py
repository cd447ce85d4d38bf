"""The list of CRUD objects: `crud.recipe`, `crud.user`."""

from app.crud.crud_recipe import recipe
from app.crud.crud_user import user

__all__ = ["recipe", "user"]
