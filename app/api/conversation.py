"""A WebSocket on which somebody watches a recipe and has something to say."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from fastapi import Request, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from app.api.background import background
from app.api.errors import answer_to
from app.api.handshake import Visitor, authenticate
from app.api.inner_request import post
from app.api.watching import Watching
from app.core.bucket import Bucket
from app.core.errors import DomainError, FieldError, Invalid, NotAuthenticated
from app.live.listener import End, Event, Listener
from app.schemas.live import AuthenticateSaid, CommentSaid, Said, said

FLOOD = 20
"""Messages that may come at once, and then so many in each 10 seconds."""

TYPING = 2.0
"""Seconds within which others are told but once that somebody is typing."""

UNSUPPORTED, POLICY, RESTART, TRY_AGAIN = 1003, 1008, 1012, 1013
"""Of RFC 6455, section 7.4.1, and the registry that it founds."""

NOT_AUTHENTICATED, NOT_FOUND = 4401, 4404
"""Our own: what the statuses 401 and 404 are to a request."""

CODES = {
    End.rights: NOT_AUTHENTICATED,
    End.removed: NOT_FOUND,
    End.stopping: RESTART,
    End.slow: TRY_AGAIN,
    End.forgotten: TRY_AGAIN,
}


class Conversation:
    def __init__(self, websocket: WebSocket, watching: Watching, listener: Listener, visitor: Visitor) -> None:
        self.websocket = websocket
        self.hub, self.signals = watching
        self.recipe_id = listener.recipe_id
        self.listener = listener
        self.visitor = visitor
        self.bucket = Bucket(FLOOD, 10)
        self.typed = -TYPING
        self.goodbye: tuple[int, str] | None = None

    async def hold(self, after: int | None) -> None:
        """Until one of the two leaves. Raises before it begins what `Hub.join` raises."""
        missed = await self.hub.join(self.listener, after)
        try:
            await self.websocket.accept()
            self.signals.enter(self.recipe_id)
            try:
                async with background(self._tell(missed)):
                    await self._listen()
            finally:
                self.signals.leave(self.recipe_id)
        finally:
            self.hub.leave(self.listener)

    async def _tell(self, missed: Sequence[Event] | None) -> None:
        with suppress(WebSocketDisconnect):
            await self._tell_all(missed)

    async def _tell_all(self, missed: Sequence[Event] | None) -> None:
        begin = "reset" if missed is None else "ready"
        number = missed[0].number - 1 if missed else self.listener.position
        await self.websocket.send_text(json.dumps({"type": begin, "number": number}))
        for event in missed or ():
            await self.websocket.send_text(event.text)
        missed = None
        while (message := await self.listener.next()) is not None:
            await self.websocket.send_text(message.text if isinstance(message, Event) else message)
        if (end := self.listener.end) in CODES:
            self.goodbye = CODES[end], end.value
        if self.goodbye:
            await self.websocket.close(*self.goodbye)

    async def _listen(self) -> None:
        while (message := await self.websocket.receive())["type"] != "websocket.disconnect":
            if self.listener.end:
                continue  # he is told already
            if not self.bucket.take():
                self._end(POLICY, "Too many messages")
            elif (text := message.get("text")) is None:
                self._end(UNSUPPORTED, "Messages are text")
            else:
                await self._hear(text)

    def _end(self, code: int, reason: str) -> None:
        self.goodbye = code, reason
        self.listener.finish(End.left)

    async def _hear(self, text: str) -> None:
        ref: str | None = None
        try:
            message = _read(text)
            ref = message.ref
            if answer := await self._answer(message):
                self._put({**answer, "ref": ref})
        except DomainError as error:
            problem = await answer_to(as_request(self.websocket), error)
            self._put({"type": "problem", "problem": json.loads(bytes(problem.body)), "ref": ref})

    async def _answer(self, message: Said) -> dict[str, Any] | None:
        if isinstance(message, AuthenticateSaid):
            self.visitor = await authenticate(message.token)
            self.listener.hold(self.visitor.grant)
            return {"type": "authenticated"}
        if isinstance(message, CommentSaid):
            path = f"/api/v1/recipes/{self.recipe_id}/comments"
            answer = await post(self.websocket, path, {"text": message.text}, self.visitor.bearer)
            said = json.loads(bytes(answer.body))
            return (
                {"type": "ack", "comment": said} if answer.status_code == 201 else {"type": "problem", "problem": said}
            )
        if self.visitor.caller is None:
            raise NotAuthenticated("Sign in first")
        if time.monotonic() - self.typed >= TYPING:
            self.typed = time.monotonic()
            self.signals.typing(self.listener, self.visitor.caller.id)
        return None

    def _put(self, message: dict[str, Any]) -> None:
        self.listener.put(json.dumps({name: value for name, value in message.items() if value is not None}))


def as_request(websocket: WebSocket) -> Request:
    """The request that opened it, for those who answer requests."""
    return Request({**websocket.scope, "type": "http", "method": "GET"})


def _read(text: str) -> Said:
    try:
        return said.validate_json(text)
    except ValidationError as error:
        # The first part of a place is the type; a complaint without more of it may repeat what was sent.
        wrong = [
            FieldError(f"/{one['loc'][1]}", one["msg"], one["type"]) for one in error.errors() if len(one["loc"]) > 1
        ]
        raise Invalid("The message is none of those that are known: comment, typing, authenticate", *wrong) from error
