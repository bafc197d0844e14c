"""A disk that is full: what was promised room has it, and nothing that is written is harmed."""

from pathlib import Path

import pytest

from tallygate.edge.outbox.reader import OutboxReader
from tallygate.edge.outbox.writer import OutboxFullError, OutboxLimits, OutboxWriter
from tests.support.small_disk import filled, small_disk

SEGMENT = OutboxLimits(segment_bytes=16_384)
PROMISED = 40_000
"""More than a segment."""


def numbers(directory: Path) -> list[int]:
    reader = OutboxReader(directory)
    found: list[int] = []
    while records := reader.read():
        found += [record.seq for record in records]
    return found


def until_full(writer: OutboxWriter) -> list[int]:
    """Append until the outbox says that it is full."""
    written: list[int] = []
    while True:
        try:
            written.append(writer.append(1, b"k", bytes(950)))
        except OutboxFullError:
            return written


@pytest.mark.parametrize("before", [0, 1, 3, 15, 16])
def test_what_was_promised_goes_in(tmp_path: Path, before: int) -> None:
    with small_disk(tmp_path / "disk", 4096) as disk:
        writer = OutboxWriter(disk / "outbox", SEGMENT)
        assert writer.has_room(PROMISED)
        written = [writer.append(1, b"k", bytes(950)) for _ in range(before)]
        assert writer.has_room(PROMISED)
        with filled(disk):
            assert not writer.has_room(2 * 1024 * 1024)
            written += [writer.append(1, b"k", bytes(950)) for _ in range(PROMISED // 1000)]
            written += until_full(writer)
        written.append(writer.append(1, b"k", bytes(950)))
        writer.close()
        assert numbers(disk / "outbox") == written


def test_without_a_promise_a_full_disk_takes_nothing_and_harms_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        writer = OutboxWriter(disk / "outbox", SEGMENT)
        written = [writer.append(1, b"k", bytes(950))]
        with filled(disk):
            written += until_full(writer)
        written.append(writer.append(1, b"k", bytes(950)))
        writer.close()
        assert numbers(disk / "outbox") == written


def test_room_that_was_not_used_is_given_back(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path / "outbox")
    assert writer.has_room(PROMISED)
    writer.append(1, b"k", b"v")
    (path,) = (tmp_path / "outbox").glob("*.seg")
    assert path.stat().st_blocks * 512 >= PROMISED
    assert path.stat().st_size < 100
    writer.close()
    assert path.stat().st_blocks * 512 < PROMISED
