"""Writing an outbox: one process, synchronous appends, no rename, no lock on the way.

`append` returns when the operating system has the bytes, so that `kill -9` of the process loses nothing.
With `fsync` it also waits for the disk (a power cut then loses nothing; about 160 µs instead of 4).
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tallygate.edge.outbox import disk, segment

SEQ_GAP = 1 << 24
"""Numbers skipped at every start. After a power cut the file may end before events that were already
shipped; their numbers must not be given out again, or the new events would count as already applied."""

SET_ASIDE_BYTES = 1024 * 1024
"""Room on the disk is taken in such steps, by writers that are asked whether there is any."""

FullPolicy = Literal["drop", "refuse"]


class OutboxFullError(OSError):
    """The quota is used up, or the disk does not take more: it is full, broken, or gone."""


class OutboxBusyError(RuntimeError):
    """Another process writes this outbox."""


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """Sizes of an outbox."""

    segment_bytes: int = 64 * 1024 * 1024
    quota_bytes: int = 8 * 1024 * 1024 * 1024
    """Above this, appends fail until a reader has caught up and segments were deleted."""
    fsync: bool = False

    @property
    def roll_bytes(self) -> int:
        """Size at which a new segment begins: the newest is never deleted, so it must not fill the quota."""
        return min(self.segment_bytes, self.quota_bytes // 4)


class OutboxWriter:
    """The one writer of an outbox directory."""

    def __init__(self, directory: Path, limits: OutboxLimits | None = None) -> None:
        """Open or create an outbox, cutting off a torn tail.

        Raises:
            OutboxBusyError: another process has it open.
        """
        self._directory = directory
        self._limits = limits or OutboxLimits()
        directory.mkdir(parents=True, exist_ok=True)
        self._lock_fd = _lock(directory / "lock")
        self.edge_id = _lasting_id(directory / "edge_id")
        self.next_seq = _recover(directory) + SEQ_GAP
        self._fd = -1
        self._segment_bytes = 0
        self._older_bytes = 0
        self._promised_bytes = 0
        """What was last said to find room: of that, the present segment must hold what was not used yet."""
        self._set_aside_to = 0
        """Up to there the disk has room for the segment."""
        self._roll()

    def append(self, topic: int, key: bytes, payload: bytes) -> int:
        """Append one event and return its sequence number, which is `next_seq` as it was before.

        Raises:
            OutboxFullError: nothing was written.
        """
        record = segment.pack(self.next_seq, topic, key, payload)
        if self._segment_bytes and self._segment_bytes + len(record) > self._limits.roll_bytes:
            self._roll_if_possible()
        if self._older_bytes + self._segment_bytes + len(record) > self._limits.quota_bytes:
            self.refresh()
            if self._older_bytes + self._segment_bytes + len(record) > self._limits.quota_bytes:
                raise OutboxFullError(errno.EDQUOT, "the outbox has reached its quota")
        self._write(record)
        self._segment_bytes += len(record)
        seq = self.next_seq
        self.next_seq += 1
        return seq

    def has_room(self, size_bytes: int) -> bool:
        """Whether that much more is sure to find room: it is within the quota, and the disk keeps it.

        Holds until it is asked again, as long as no more than that is appended.
        """
        if self.pending_bytes + size_bytes > self._limits.quota_bytes:
            self.refresh()
            if self.pending_bytes + size_bytes > self._limits.quota_bytes:
                return False
        missing = self._segment_bytes + size_bytes - self._set_aside_to
        if missing > 0:
            step = max(missing, SET_ASIDE_BYTES)
            try:
                disk.set_aside(self._fd, self._set_aside_to, step)
            except OSError:
                return False
            self._set_aside_to += step
        self._promised_bytes = size_bytes
        return True

    def refresh(self) -> None:
        """Look again at how much the older segments hold: a reader deletes them."""
        sizes = [_size(path) for path in segment.segments(self._directory)]
        self._older_bytes = max(0, sum(sizes) - self._segment_bytes)

    @property
    def pending_bytes(self) -> int:
        """Bytes on disk at the last `refresh`, the open segment included."""
        return self._older_bytes + self._segment_bytes

    def close(self) -> None:
        """Close the files and give up the lock."""
        os.ftruncate(self._fd, self._segment_bytes)  # gives back what was set aside
        os.fsync(self._fd)
        os.close(self._fd)
        os.close(self._lock_fd)

    def _write(self, record: bytes) -> None:
        with _as_full():
            written = os.write(self._fd, record)
            if written != len(record):  # a full disk takes a part
                os.ftruncate(self._fd, self._segment_bytes)
                self._set_aside_to = self._segment_bytes
                raise OutboxFullError(errno.ENOSPC, "the disk took only a part of the record")
        if self._limits.fsync:
            self._sync(len(record))

    def _sync(self, written_bytes: int) -> None:
        try:
            with _as_full():
                os.fdatasync(self._fd)
        except OutboxFullError:
            # The record is in the file and a reader may have it: its number must not be given out again.
            self._segment_bytes += written_bytes
            self.next_seq += 1
            raise

    def _roll_if_possible(self) -> None:
        """Begin a new segment. Where room was promised and the disk has none for a new one, the present one,
        which holds that room, grows on.

        Raises:
            OutboxFullError: no new one can be begun, and nothing was promised.
        """
        try:
            self._roll()
        except OutboxFullError:
            if not self._promised_bytes:
                raise

    def _roll(self) -> None:
        """Begin a new segment. An empty one of the same name is taken over.

        Raises:
            OutboxFullError: it can't be begun, or not with the room that was promised; all is as before.
        """
        path = self._directory / segment.name(self.next_seq)
        with _as_full():
            fresh = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                if self._promised_bytes:
                    disk.set_aside(fresh, 0, self._promised_bytes)
            except OSError:
                os.close(fresh)
                path.unlink()
                raise
        if self._fd >= 0:
            os.ftruncate(self._fd, self._segment_bytes)
            os.close(self._fd)
        self._fd = fresh
        self._segment_bytes = 0
        self._set_aside_to = self._promised_bytes
        self.refresh()


@contextmanager
def _as_full() -> Iterator[None]:
    """Whatever the disk says against an event, the call goes on by the policy for a full outbox."""
    try:
        yield
    except OutboxFullError:
        raise
    except OSError as error:
        raise OutboxFullError(error.errno, error.strerror) from error


def _recover(directory: Path) -> int:
    """Cut the torn tail of the newest segment and return the last number that may have been given out."""
    for path in reversed(segment.segments(directory)):
        length, last = segment.valid_prefix(path)
        if _size(path) > length:
            os.truncate(path, length)
        # An empty segment still says by its name where its numbers would have begun.
        return int(path.stem) if last is None else last
    return 0


def _lasting_id(path: Path) -> str:
    """The edge's id. It is random, so that a lost directory is never mistaken for its predecessor."""
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text(secrets.token_hex(8))
        fresh.rename(path)
    return path.read_text().strip()


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise OutboxBusyError(f"{path.parent} is in use by another process") from error
    return fd


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a reader deleted it
        return 0
