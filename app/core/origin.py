"""Where a request comes from."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple


class Origin(NamedTuple):
    """The address as far as it is known (see FORWARDED_ALLOW_IPS), and what the client says of itself."""

    address: str | None = None
    device: str | None = None


asked_from: ContextVar[Callable[[], Origin]] = ContextVar("asked_from", default=Origin)
"""Of the request that writes now; nowhere for what no request asked for."""
