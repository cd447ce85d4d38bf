"""Where a worker keeps answers for itself."""

from collections import OrderedDict

from app.cache.entry import Entry

ENTRIES = 1000

OVERHEAD = 400
"""Bytes that an entry takes besides its body, about."""


class Memory:
    """Room for so many bytes, and so many entries; what was not asked for the longest has to go."""

    def __init__(self, size: int, entries: int = ENTRIES) -> None:
        self.size = size
        self.entries = entries
        self.used = 0
        self._kept: OrderedDict[bytes, Entry] = OrderedDict()

    def get(self, key: bytes, now: float) -> Entry | None:
        entry = self._kept.get(key)
        if entry is None:
            return None
        if entry.gone <= now:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return entry

    def put(self, key: bytes, entry: Entry) -> None:
        """Unless it would take the place of most others."""
        self._drop(key)
        if _size(entry) > self.size // 4:
            return
        self._kept[key] = entry
        self.used += _size(entry)
        while self.used > self.size or len(self._kept) > self.entries:
            self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        self._kept.clear()
        self.used = 0

    def __len__(self) -> int:
        return len(self._kept)

    def _drop(self, key: bytes) -> None:
        if entry := self._kept.pop(key, None):
            self.used -= _size(entry)


def _size(entry: Entry) -> int:
    return len(entry.body) + OVERHEAD
