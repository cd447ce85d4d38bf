"""The list of CRUD objects: `crud.recipe`, `crud.user`, ..."""

from app.crud.crud_api_key import api_key as api_key
from app.crud.crud_comment import comment as comment
from app.crud.crud_comment import traced_comment as traced_comment
from app.crud.crud_event import event as event
from app.crud.crud_post import post as post
from app.crud.crud_recipe import recipe as recipe
from app.crud.crud_task import task as task
from app.crud.crud_user import user as user
