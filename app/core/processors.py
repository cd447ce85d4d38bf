"""On which processors the threads of a worker run."""

import os

_MAY = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
"""Those that this process was given; none known where there is no Linux."""


def share(workers: int) -> int:
    """How many of them each of so many workers has for work that takes a whole one; one at least."""
    return max((os.cpu_count() or 1) // workers, 1)


def stay(place: int) -> None:
    """Keeps this thread, and those that it starts, on one processor; the next place has the next one.

    The threads of an interpreter take turns: on several processors each turn begins with cold caches.
    """
    if _MAY:
        os.sched_setaffinity(0, {_MAY[place % len(_MAY)]})


def roam() -> None:
    """Lets this thread run on any of them: what it does, it does for long and without the interpreter."""
    if _MAY:
        os.sched_setaffinity(0, _MAY)
