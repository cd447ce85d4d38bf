"""gunicorn's worker: uvicorn, with bounded protocols, and an end that loses no request."""

import asyncio
import logging
import socket
import sys
from contextlib import suppress
from typing import Any

import uvloop
from gunicorn.arbiter import Arbiter
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker  # pyright: ignore[reportMissingTypeStubs]

from app.core import stopping
from app.core.config import settings
from app.protocols.http import BoundedHttp
from app.protocols.websocket import MAX_FRAME, BoundedWebSocket

ACCEPTS = 32
STALLED = 30  # seconds for which a client may take nothing of what is to go out
LAST_CALL = 0.05  # seconds; less than uvicorn waits before it looks whether anybody is left


class LosslessServer(Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in those whom the kernel has let in meanwhile: it hangs up on them when the socket is closed."""
        stopping.stop()  # those who would stay for ever
        if sockets:
            asyncio.get_running_loop().call_later(LAST_CALL, self._take_in, sockets[0].dup())
        await super().shutdown(sockets)

    def _take_in(self, listener: socket.socket) -> None:
        with listener, suppress(OSError):  # nobody is left
            listener.setblocking(False)
            while True:
                connection, _ = listener.accept()
                task = asyncio.get_running_loop().create_task(self._answer_once(connection))
                self.server_state.tasks.add(task)
                task.add_done_callback(self.server_state.tasks.discard)

    async def _answer_once(self, connection: socket.socket) -> None:
        protocol = BoundedHttp(self.config, self.server_state, self.lifespan.state)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, connection)
        protocol.shutdown()


class ApiWorker(UvicornWorker):
    place = 0
    """Its number among those that run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        logging.getLogger("uvicorn.error").propagate = True  # see RootLogger in gunicorn_conf.py

    def init_process(self) -> None:
        self._hang_up_on_those_who_take_nothing()
        # libuv accepts one connection per socket and turn of its loop: newcomers to a busy worker would wait for
        # seconds, at 1,000 clients for more than eight. So it gets the same socket many times over.
        copies = [one.dup() for one in self.sockets for _ in range(ACCEPTS - 1)]
        self.sockets = [*self.sockets, *copies]
        super().init_process()

    def _hang_up_on_those_who_take_nothing(self) -> None:
        """Has the system do so with connections on which nothing of what is to be sent went out for a while."""
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux; it is inherited by the connections
            for one in self.sockets:
                if one.family in (socket.AF_INET, socket.AF_INET6):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED * 1000)

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = LosslessServer(self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    CONFIG_KWARGS = UvicornWorker.CONFIG_KWARGS | {
        "loop": uvloop.__name__,  # imported above: what is there before the fork is shared
        "http": BoundedHttp,
        "ws": BoundedWebSocket,
        "ws_max_size": MAX_FRAME,
        "ws_per_message_deflate": False,  # takes memory for each connection, and messages are short
        "lifespan": "on",
        "server_header": False,
        "timeout_notify": 1,  # often, since a worker that shuts down gives no more signs of life
        "timeout_graceful_shutdown": int(settings.REQUEST_TIMEOUT) + 3,
    }
