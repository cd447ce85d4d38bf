"""Posts: anybody sees them, who is signed in adds his own, and their owner or an editor changes them."""

import hashlib
from functools import partial
from typing import IO, Any

from fastapi import Request, Response

from app import crud
from app.api import idempotency
from app.api.conditional import CREATED
from app.api.deps import Caller, CurrentUser, needs
from app.api.files import files
from app.api.job import pending
from app.api.problems import problems
from app.api.receiving import checked, received
from app.api.resource import add_resource
from app.api.resource.resource import Resource
from app.api.routing import Router
from app.api.throttling import UPLOAD
from app.core.principal import Principal
from app.core.scopes import Scope
from app.crud.crud_post import StoredFile
from app.db.session import Session
from app.media.kind import new_key
from app.media.workshop import TAKEN
from app.models import Post
from app.schemas.post import PostCreate, PostRead, PostUpdate
from app.storage.thumbnail import make_thumbnail

router = Router("/api/v1/posts", tags=["posts"])

FIELDS: dict[str, Any] = PostCreate.model_json_schema()["properties"]
FORM: dict[str, Any] = {
    "title": "PostForm",
    "type": "object",
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream", "description": TAKEN},
        "caption": FIELDS["caption"],
        "recipe_id": FIELDS["recipe_id"]["anyOf"][0],  # a form knows no null
    },
    "required": ["file", "caption"],
    "additionalProperties": False,
}
BODY = {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}


@router.post(
    "",
    status_code=201,
    response_model=PostRead,
    responses={**problems(401, 403, 409, 415, 507), 201: {"headers": CREATED}},
    dependencies=[needs(Scope.posts_write), *UPLOAD],
    openapi_extra={"requestBody": BODY},
)
async def create(request: Request, caller: CurrentUser) -> Response:
    """Adds a picture or a video.

    What it is, its content says; its name and type do not count. It is kept without what cannot be seen in it, such as
    where it was taken. Its thumbnail is made a little later.
    """
    async with received(request) as (file, fields):
        data = checked(PostCreate, file, fields)
        assert file is not None
        return await publish(request, caller, file, data)


async def publish(request: Request, caller: Principal, file: IO[bytes], data: PostCreate) -> Response:
    """A post of the file; or the answer to the same Idempotency-Key before."""
    cleaned = await files.clean(file)
    with cleaned.file:
        stored = StoredFile(
            new_key(cleaned.media_type),
            cleaned.media_type,
            cleaned.size,
            cleaned.sha256,
            cleaned.width,
            cleaned.height,
        )
        content = f"{cleaned.source_sha256} {data.model_dump_json()}"
        request.state.digest = hashlib.sha256(content.encode()).digest()

        def add(session: Session) -> Response:
            row = crud.post.publish(session, data, stored, caller)
            make_thumbnail.enqueue(session, row.id)
            return posts.answer(row, 201, {"Location": f"{router.prefix}/{row.id}"})

        def add_once(session: Session) -> Response:
            key = pending.get().key
            if key is None:
                return add(session)
            return idempotency.answer_once(session, idempotency.claim(request, key, caller), partial(add, session))

        answer = await files.keep(cleaned, stored.key, add_once)
    if any(name in answer.headers for name in idempotency.REPLAYED):
        await files.forget(stored.key)
    return answer


posts: Resource[Post, PostCreate, PostUpdate, PostRead] = add_resource(
    router,
    crud.post,
    create=PostCreate,
    update=PostUpdate,
    read=PostRead,
    reader=Caller,
    writer=CurrentUser,
    scopes=(Scope.posts_read, Scope.posts_write),
    without=("create", "batch", "import"),
)
