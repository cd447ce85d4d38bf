"""A small ASGI application that says what the server made of a request, for tests of the server itself."""

import asyncio
import os

from coverage import Coverage
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
        if measured := Coverage.current():
            measured.save()  # the worker is about to end by its signal, without a word to anybody
        return
    request = Request(scope, receive)
    body = await request.body()
    await asyncio.sleep(float(request.query_params.get("sleep", 0)))
    answer = {"pid": os.getpid(), "headers": request.headers.keys(), "body": len(body)}
    await JSONResponse(answer)(scope, receive, send)
