"""The short way to an endpoint."""

import re

from fastapi import FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import KNOWN, answer_to
from app.api.route import Handler, JobRoute
from app.api.routing import IdConvertor

ID = re.compile(rf"(?<=/){IdConvertor.regex}(?=/|$)")
"""A segment of a path that is a row's key."""

PLACE = re.compile(r"\{(\w+):id\}")


class Lane:
    """Finds the endpoint of a request by one look into a table, whose size does not matter.

    FastAPI tries each route of each router in turn, twice for routers that were included. Here the paths are fixed but
    for the keys in them, so that a path without its keys is the name of its route. Whatever is not in the table goes
    FastAPI's way: other methods and paths, endpoints that need what `app.api.solving` does not do, and everything
    while tests override dependencies.
    """

    def __init__(self, app: ASGIApp, service: FastAPI) -> None:
        self.app = app
        self.table = _table(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["app"].dependency_overrides or scope.get("root_path"):
            return await self.app(scope, receive, send)
        path: str = scope["path"]
        keys = ID.findall(path)
        found = self.table.get((scope["method"], ID.sub("{}", path) if keys else path))
        if found is None or len(found[1]) != len(keys):  # the path may have braces of its own
            return await self.app(scope, receive, send)
        handle, names = found
        scope["path_params"] = dict(zip(names, keys, strict=True))
        response = await _answer(handle, Request(scope, receive, send))
        await response(scope, receive, send)


async def _answer(handle: Handler, request: Request) -> Response:
    try:
        return await handle(request)
    except KNOWN as error:
        response = await answer_to(request, error)
        # It knows all frames that it came through, and some of them know it: the garbage collector would have to come.
        error.__traceback__ = None
        return response


def _table(app: FastAPI) -> dict[tuple[str, str], tuple[Handler, list[str]]]:
    table: dict[tuple[str, str], tuple[Handler, list[str]]] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, JobRoute) or context.path is None:
            continue
        path, names = PLACE.sub("{}", context.path), PLACE.findall(context.path)
        if "{" in path.replace("{}", "") or ID.search(path):
            continue  # other places than keys, or a fixed segment that looks like one
        if handle := route.lean_handler(context.dependant):
            for method in context.methods or ():
                table.setdefault((method, path), (handle, names))
    return table
