"""The list of CRUD objects: `crud.recipe`, `crud.user`."""

from app.crud.crud_recipe import recipe as recipe
from app.crud.crud_user import user as user
