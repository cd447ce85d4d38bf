"""What the tests stand on: a PostgreSQL, the service in processes of its own."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_until(is_so: Callable[[], object], seconds: float = 30) -> None:
    """Fails after so long, which by itself says nothing of what is waited for: a busy machine may take its time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.01)
