"""Pictures and videos as the page of a recipe has them: added without JavaScript."""

from fastapi import Request, Response

from app import crud
from app.api.api_v1.endpoints import post
from app.api.job import Job
from app.api.receiving import checked, received
from app.api.resource.reading import RowId
from app.api.routing import Router
from app.api.throttling import UPLOADS
from app.db.session import ReadSessions
from app.pages.browser_session import SIGNED_IN, BrowserUser, count
from app.pages.form import FormPage
from app.pages.html import to
from app.pages.same_origin import SAME_ORIGIN
from app.schemas.post import PostCreate

router = Router("/recipes/{id:id}/posts", include_in_schema=False)

ADD = FormPage("post.html", "caption")


@router.get("", dependencies=[SIGNED_IN])
async def show(request: Request) -> Response:
    return ADD.show(request)


@router.post("", dependencies=[SAME_ORIGIN])
async def create(request: Request, caller: BrowserUser, id: RowId) -> Response:
    await count(request, UPLOADS, caller)
    await Job(ReadSessions, lambda session: crud.recipe.get_one(session, id, caller)).run()
    ADD.stand_in(request)  # until the form has come
    async with received(request) as (file, fields):
        await ADD(request)
        data = checked(PostCreate, file, {**fields, "recipe_id": str(id)})
        assert file is not None
        await post.publish(request, caller, file, data)
    return to(f"/recipes/{id}#posts")
