"""gunicorn's configuration when coverage is measured: the service's own, and workers that save what was measured.

Uvicorn ends a worker by the signal that told it to stop, and so before coverage would save by itself.
"""

import signal

from coverage import Coverage

from app.gunicorn_conf import *  # noqa: F403

raise_signal = signal.raise_signal


def save_first(number: int) -> None:
    if measured := Coverage.current():
        measured.save()
    raise_signal(number)


signal.raise_signal = save_first
