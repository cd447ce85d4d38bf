"""Which names this service answers to."""

from collections.abc import Sequence

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import problem
from app.middleware.headers import header


class AllowedHosts:
    """Answers 400 to a Host header that is none of `hosts`; "*" stands for any, "*.example.com" for all below it.

    Only `/health/` answers to any: what probes it knows no name, only an address.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app = app
        self.names = {host.lower() for host in hosts if "*" not in host}
        self.suffixes = tuple(host.lower().removeprefix("*") for host in hosts if "*" in host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and not (self._allows(_host(scope)) or scope["path"].startswith("/health/")):
            request = Request({**scope, "type": "http", "method": "GET"})  # as which a WebSocket begins, too
            answer = problem(request, 400, "The Host header names a host that is not served here")
            return await answer(scope, receive, send)
        await self.app(scope, receive, send)

    def _allows(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        if not port.isdigit():
            name = host
        return name in self.names or name.endswith(self.suffixes)


def _host(scope: Scope) -> str:
    return header(scope, b"host").decode("latin-1").lower()
