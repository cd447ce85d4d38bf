"""Accounts, for superusers. What everybody may do with his own is in `auth`."""

from app import crud
from app.api.deps import Superuser
from app.api.resource import Resource
from app.api.routing import Router
from app.schemas.user import UserCreate, UserRead, UserUpdate

router = Router("/api/v1/users", tags=["users"])

Resource(
    crud.user,
    create=UserCreate,
    update=UserUpdate,
    read=UserRead,
    reader=Superuser,
    writer=Superuser,
).add_to(router)
