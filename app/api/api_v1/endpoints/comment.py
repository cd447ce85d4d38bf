"""Comments on recipes: anybody reads them, who is signed in writes his own."""

from typing import Any

from app import crud
from app.api.deps import Caller, CurrentUser
from app.api.resource import add_resource
from app.api.resource.nesting import Within
from app.api.routing import Router
from app.api.throttling import COMMENT
from app.core.principal import Principal
from app.core.scopes import Scope
from app.db.session import Session
from app.mail import letters
from app.schemas.comment import CommentCreate, CommentRead, CommentUpdate
from app.schemas.recipe import SubmitterRead

router = Router("/api/v1/recipes/{recipe_id:id}/comments", tags=["comments"])


def tell(session: Session, comment: Any, _: Principal | None) -> None:
    letters.comment_added.enqueue(session, comment.id)


resource = add_resource(
    router,
    crud.comment,
    within=Within(crud.recipe, "recipe_id"),
    create=CommentCreate,
    update=CommentUpdate,
    read=CommentRead,
    reader=Caller,
    writer=CurrentUser,
    scopes=(Scope.recipes_read, Scope.comments_write),
    expand={"author": SubmitterRead},
    dependencies={"create": COMMENT},
    created=tell,
    without=("batch", "export", "import"),
)
