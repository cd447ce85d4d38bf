"""What a worker keeps has its bounds, and what somebody else has touched is not taken for an answer."""

import time

import pytest

from app.cache.entry import SIZE, TIMES, Entry, digest
from app.cache.memory import ENTRIES, OVERHEAD, Memory

KEY = digest("a path")


def entry(size: int = 100, gone: float = 1e12) -> Entry:
    return Entry(b"x" * size, time.time(), gone - 1, gone)


def test_memory_holds_so_many_bytes_and_what_was_asked_for_last() -> None:
    memory = Memory(10 * (100 + OVERHEAD))
    for number in range(1000):
        memory.put(digest(number), entry())
        assert memory.get(digest(0), 0), "it is asked for again and again"
    assert len(memory) == 10
    assert memory.used == memory.size
    assert memory.get(digest(999), 0)
    assert memory.get(digest(1), 0) is None


def test_memory_holds_so_many_entries() -> None:
    memory = Memory(10**9)
    for number in range(ENTRIES * 2):
        memory.put(digest(number), entry(0))
    assert len(memory) == ENTRIES


def test_large_answer_drives_nobody_out() -> None:
    memory = Memory(10_000)
    memory.put(KEY, entry())
    memory.put(digest("large"), entry(9_000))
    assert memory.get(KEY, 0)
    assert memory.get(digest("large"), 0) is None
    memory.put(KEY, entry(9_000))
    assert memory.get(KEY, 0) is None, "what was there before is no longer right"
    assert memory.used == 0


def test_what_is_gone_takes_no_room() -> None:
    memory = Memory(10_000)
    memory.put(KEY, entry(gone=50))
    assert memory.get(KEY, 49)
    assert memory.get(KEY, 50) is None
    assert (len(memory), memory.used) == (0, 0)


def test_entry_survives_the_way_through_redis() -> None:
    before = entry()
    assert Entry.unpacked(KEY, before.packed(KEY)) == before


@pytest.mark.parametrize("place", [0, SIZE, SIZE + TIMES.size, -1], ids=["seal", "times", "body", "end"])
def test_entry_with_another_byte_is_none(place: int) -> None:
    data = bytearray(entry().packed(KEY))
    data[place] ^= 1
    assert Entry.unpacked(KEY, bytes(data)) is None


@pytest.mark.parametrize("data", [None, b"", b"x", b"\x80\x04.", bytes(1000), entry().packed(KEY)[:-1]])
def test_what_is_no_entry_is_none(data: bytes | None) -> None:
    assert Entry.unpacked(KEY, data) is None


def test_entry_of_another_place_is_none() -> None:
    assert Entry.unpacked(digest("another"), entry().packed(KEY)) is None
