"""What it takes to ask another service: whom to trust, and when to ask once more."""

from typing import Any

import httpx2

ATTEMPTS = 3

TLS = httpx2.create_ssl_context()
"""For all clients of all processes: the certificates that it holds are ten megabytes."""


def may_pass(error: Exception) -> bool:
    """Whether it is worth another try: the network, a busy or broken server, but not a "no"."""
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx2.TransportError)


def waits(pause: float) -> dict[str, Any]:
    """For stamina: growing pauses, of which the first one takes about so many seconds."""
    return {"attempts": ATTEMPTS, "timeout": None, "wait_initial": pause, "wait_jitter": pause}
