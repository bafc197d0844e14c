"""A sliding window as a small block of bytes. Pure.

What was taken at time t counts until t + w: at any time, the sum over the last w is what is used. The block
holds an entry (time, amount) for each millisecond in which something was taken, up to `MAX_ENTRIES`. When
they are more, those within the same 125th of the window become one entry with the newest of their times. So
the block is at most 4 KiB, up to 250 takings within a window are exact to the millisecond, and beyond that
an amount is given back up to w/125 late, but never early: no window ever holds more than its quota.

Redis has the same algorithm in `window.lua`; the contract suite runs over both.
"""

import struct

SLICES = 125
MAX_ENTRIES = 2 * SLICES
SKEW_MS = 5_000
"""How far back a clock may be without meaning: less than this is two processes' order, more is a clock that
was set back, and then what seems to lie in the future counts as taken now."""
MAX_USED = 2**53 - 1
"""Exact in a double, which is what Redis's scripts count with. What would exceed it counts as this."""

_HEADER = struct.Struct("<qq")  # window_ms, used
_ENTRY = struct.Struct("<qq")  # time_ms, amount
_TIME = struct.Struct("<q")


class Window:
    """One window at one moment. Make it, ask it, add to it, store it."""

    __slots__ = ("_entries", "now_ms", "stored", "used", "window_ms")

    def __init__(self, block: bytes | memoryview | None, window_ms: int, now_ms: int) -> None:
        """Read a block (None: an empty window) and forget what has left the window.

        Args:
            window_ms: Length of the window.
            now_ms: The time; `self.now_ms` is what it was taken for, which may be a little later.
        """
        self.window_ms = window_ms
        self.now_ms = now_ms
        self.stored = block is not None
        self.used = 0
        self._entries = b""
        if block is not None and len(block) > _HEADER.size:
            self.used = _HEADER.unpack_from(block)[1]
            self._entries = bytes(block[_HEADER.size :])
            self._set_clock()
            self._expire()

    def add(self, amount: int) -> None:
        """Take an amount, 0 or more."""
        amount = min(amount, MAX_USED - self.used)
        if amount <= 0:
            return
        self.used += amount
        if self._entries and self._last_ms() == self.now_ms:
            amount += _ENTRY.unpack_from(self._entries, len(self._entries) - _ENTRY.size)[1]
            self._entries = self._entries[: -_ENTRY.size]
        self._entries += _ENTRY.pack(self.now_ms, amount)
        if len(self._entries) > MAX_ENTRIES * _ENTRY.size:
            self._coalesce()

    def oldest_leaves_ms(self) -> int:
        """How long until something becomes free; 0 if nothing is used."""
        if not self._entries:
            return 0
        return int(_TIME.unpack_from(self._entries)[0]) + self.window_ms - self.now_ms

    def wait_ms(self, room: int) -> int:
        """How long until no more than `room` is used, if nothing more is taken."""
        excess = self.used - max(room, 0)
        wait = 0
        for time_ms, amount in _ENTRY.iter_unpack(self._entries):
            if excess <= 0:
                break
            excess -= amount
            wait = time_ms + self.window_ms - self.now_ms
        return wait

    def block(self) -> bytes:
        """What is to be stored."""
        return _HEADER.pack(self.window_ms, self.used) + self._entries

    def _last_ms(self) -> int:
        return int(_TIME.unpack_from(self._entries, len(self._entries) - _ENTRY.size)[0])

    def _set_clock(self) -> None:
        last_ms = self._last_ms()
        if last_ms <= self.now_ms:
            return
        if last_ms - self.now_ms <= SKEW_MS:
            self.now_ms = last_ms
            return
        past = [each for each in _ENTRY.iter_unpack(self._entries) if each[0] < self.now_ms]
        future = sum(
            amount for time_ms, amount in _ENTRY.iter_unpack(self._entries) if time_ms >= self.now_ms
        )
        self._entries = _pack([*past, (self.now_ms, future)])

    def _expire(self) -> None:
        gone = 0
        oldest_ms = self.now_ms - self.window_ms
        for time_ms, amount in _ENTRY.iter_unpack(self._entries):
            if time_ms > oldest_ms:
                break
            self.used -= amount
            gone += _ENTRY.size
        self._entries = self._entries[gone:]

    def _coalesce(self) -> None:
        width_ms = max(1, -(-self.window_ms // SLICES))
        merged: list[tuple[int, int]] = []
        for time_ms, amount in _ENTRY.iter_unpack(self._entries):
            if merged and merged[-1][0] // width_ms == time_ms // width_ms:
                amount += merged.pop()[1]
            merged.append((time_ms, amount))
        self._entries = _pack(merged)


def is_spent(block: bytes | memoryview, now_ms: int) -> bool:
    """Whether a block holds nothing that counts any more: it may be deleted."""
    if len(block) <= _HEADER.size:
        return True
    last_ms = _TIME.unpack_from(block, len(block) - _ENTRY.size)[0]
    return bool(last_ms + _HEADER.unpack_from(block)[0] <= now_ms)


def _pack(entries: list[tuple[int, int]]) -> bytes:
    return b"".join(_ENTRY.pack(*entry) for entry in entries)
