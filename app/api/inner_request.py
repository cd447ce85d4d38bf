"""A request to this very service, from within it: the same middleware, rules, rights and limits as from outside."""

import json
from typing import Any

from fastapi import Response, WebSocket
from starlette.types import Message

TAKEN_OVER = (b"host", b"user-agent")


async def post(websocket: WebSocket, path: str, body: Any, bearer: str | None) -> Response:
    """The answer to a POST of JSON by whoever has the WebSocket."""
    content = json.dumps(body).encode()
    headers = [
        *(one for one in websocket.scope["headers"] if one[0] in TAKEN_OVER),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    if bearer is not None:
        headers.append((b"authorization", f"Bearer {bearer}".encode()))
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": websocket.scope["asgi"],
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https" if websocket.scope["scheme"] == "wss" else "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": websocket.scope.get("root_path", ""),
        "headers": headers,
        "client": websocket.scope.get("client"),
        "server": websocket.scope.get("server"),
        "state": {},
    }
    return await _answer(websocket.app, scope, content)


async def _answer(app: Any, scope: dict[str, Any], content: bytes) -> Response:
    status, chunks = 500, list[bytes]()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    await app(scope, receive, send)
    return Response(b"".join(chunks), status)
