"""How often somebody may do something here: in bursts, but not for long."""

import time


class Bucket:
    """Holds `size` tokens when it is full, which it is `seconds` after it was empty."""

    def __init__(self, size: int, seconds: float) -> None:
        self._size = size
        self._rate = size / seconds
        self._tokens = float(size)
        self._last = time.monotonic()

    def take(self, count: int = 1) -> bool:
        """Whether there were as many. If not, they are owed."""
        now = time.monotonic()
        self._tokens = min(self._size, self._tokens + (now - self._last) * self._rate) - count
        self._last = now
        return self._tokens >= 0
