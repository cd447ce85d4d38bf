"""Accounts, for those who manage them. What everybody may do with his own is in `auth`."""

from fastapi import Response

from app import crud
from app.api.deps import CurrentUser, SessionDep, Superuser
from app.api.problems import problems
from app.api.resource import add_resource
from app.api.resource.reading import ONE, RowId
from app.api.routing import Router
from app.core.errors import NotAllowed
from app.core.scopes import Scope
from app.crud import totp
from app.mail import letters
from app.schemas.user import UserCreate, UserRead, UserUpdate

router = Router("/api/v1/users", tags=["users"])


@router.delete(f"{ONE}/totp", status_code=204, responses=problems(401, 403, 404))
def remove_totp(session: SessionDep, caller: Superuser, id: RowId) -> Response:
    """Removes the second factor of somebody who has lost it and his recovery codes; he is told by mail.

    Make sure that it is he who asks. Nobody's own: that is `DELETE /auth/totp`, which takes a code.
    """
    if id == caller.id:
        raise NotAllowed("Your own second factor is removed with one of its codes")
    user = crud.user.get_one(session, id, caller)
    totp.remove(session, user.id, caller)
    letters.second_factor_removed.enqueue(session, user.email)
    return Response(status_code=204)


add_resource(
    router,
    crud.user,
    create=UserCreate,
    update=UserUpdate,
    read=UserRead,
    reader=CurrentUser,
    writer=CurrentUser,
    scopes=(Scope.users_admin, Scope.users_admin),
    # A thousand passwords take twenty seconds to hash.
    without=("batch", "import"),
)
