"""What happens to the comments of a recipe, as it happens."""

from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError, WithJsonSchema

from app.api.conversation import Conversation, as_request
from app.api.deps import Caller, CredentialsDep, needs
from app.api.errors import KNOWN, answer_to
from app.api.event_stream import EventStream
from app.api.handshake import grant, shake_hands
from app.api.problems import problems
from app.api.rate_limit import RETRY_AFTER, source
from app.api.routing import Router
from app.api.watching import watching_of
from app.core.scopes import Scope
from app.live.listener import Listener
from app.schemas.types import Id

router = Router("/api/v1/recipes/{recipe_id:id}", tags=["comments"])


MOST = 2**31 - 1

EventNumber = Annotated[int | None, WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MOST})]
After = Annotated[EventNumber, Query(ge=0, le=MOST, description="The number of the last event that you have had")]
LastEventId = Annotated[
    EventNumber, Header(alias="Last-Event-ID", ge=0, le=MOST, description="The same; goes before `after`")
]


async def get_last_heard(after: After = None, last_event_id: LastEventId = None) -> int | None:
    """A browser that comes again sends the header, and still the query of its first time."""
    return after if last_event_id is None else last_event_id


LastHeard = Annotated[int | None, Depends(get_last_heard)]


class Asked(BaseModel, extra="forbid"):
    """Where a WebSocket is to begin."""

    recipe_id: Id
    after: After = None


EXAMPLE = 'id: 7\nevent: comment.created\ndata: {"type": "comment.created", "number": 7, "comment_id": 3, ...}\n\n'
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, until the client leaves",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
    },
    429: {**problems(429)[429], "headers": RETRY_AFTER},
}


@router.get(
    "/comments/stream",
    response_class=EventStream,
    status_code=200,
    responses={**problems(401, 403, 404), **STREAM},
    dependencies=[needs(Scope.recipes_read)],
)
async def stream(
    request: Request, recipe_id: Id, caller: Caller, credentials: CredentialsDep, last_heard: LastHeard
) -> EventStream:
    """What happens to the comments of a recipe, as server-sent events.

    Who comes again with the number of the last event that he has had gets all that he has missed; or, when that is too
    much or too long ago, `reset`: then the comments have to be read anew.
    """
    listener = Listener(recipe_id, await source(request), grant(credentials, caller))
    return EventStream(watching_of(request).hub, listener, last_heard)


@router.websocket("/live")
async def live(websocket: WebSocket) -> None:
    """docs/live.md says what is said here: OpenAPI does not know of WebSockets."""
    try:
        visitor = await shake_hands(websocket)
        asked = _asked(websocket)
        listener = Listener(asked.recipe_id, await source(websocket), visitor.grant, with_signals=True)
        await Conversation(websocket, watching_of(websocket), listener, visitor).hold(asked.after)
    except KNOWN as error:
        await websocket.send_denial_response(await answer_to(as_request(websocket), error))


def _asked(websocket: WebSocket) -> Asked:
    try:
        return Asked.model_validate({**websocket.query_params, **websocket.path_params})
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in error.errors()]) from error
