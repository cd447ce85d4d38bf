"""The comments on all recipes with where they came from, for those who look after the service."""

from app import crud
from app.api.deps import Superuser
from app.api.resource import add_resource
from app.api.routing import Router
from app.schemas.comment import TracedCommentRead
from app.schemas.recipe import SubmitterRead
from app.schemas.types import Nothing

router = Router("/api/v1/comments", tags=["traced_comments"])

add_resource(
    router,
    crud.traced_comment,
    create=Nothing,
    update=Nothing,
    read=TracedCommentRead,
    reader=Superuser,
    writer=Superuser,
    expand={"author": SubmitterRead},
    without=("create", "write", "batch", "import"),
)
