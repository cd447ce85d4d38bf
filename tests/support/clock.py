"""Time that passes when a test says so."""

import time

import pytest


class Clock:
    """What `time.time()` says from now on; it begins within a second, a minute, a quarter and an hour."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_320.5
        patch.setattr(time, "time", lambda: self.now)
