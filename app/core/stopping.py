"""What has to know that this process is about to stop, before those who are connected are waited for."""

from collections.abc import Callable

calls: list[Callable[[], object]] = []


def stop() -> None:
    """May be called more than once."""
    for call in calls:
        call()
