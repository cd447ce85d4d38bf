"""Accounts, for superusers. What everybody may do with his own is in `auth`."""

from app import crud
from app.api.deps import Superuser
from app.api.resource import add_resource
from app.api.routing import Router
from app.schemas.user import UserCreate, UserRead, UserUpdate

router = Router("/api/v1/users", tags=["users"])

add_resource(
    router,
    crud.user,
    create=UserCreate,
    update=UserUpdate,
    read=UserRead,
    reader=Superuser,
    writer=Superuser,
    # A thousand passwords take twenty seconds to hash.
    without=("batch", "import"),
)
