"""The outbox: what was appended is read, in order, whatever is cut, killed, deleted or damaged."""

import errno
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.edge.outbox import retention, segment
from tallygate.edge.outbox.reader import OutboxReader, Position, edge_id_of
from tallygate.edge.outbox.writer import (
    SEQ_GAP,
    OutboxBusyError,
    OutboxFullError,
    OutboxLimits,
    OutboxWriter,
)

SMALL = OutboxLimits(segment_bytes=4096)


def fill(writer: OutboxWriter, count: int, size: int = 100) -> list[int]:
    return [writer.append(1, b"key", b"%d" % index + b"x" * size) for index in range(count)]


def read_all(reader: OutboxReader, max_bytes: int = 1 << 20) -> list[segment.OutboxRecord]:
    records: list[segment.OutboxRecord] = []
    while batch := reader.read(max_bytes):
        records += batch
    return records


def seqs(directory: Path, position: Position | None = None) -> list[int]:
    return [record.seq for record in read_all(OutboxReader(directory, position))]


@settings(deadline=None, max_examples=25)
@given(
    records=st.lists(
        st.tuples(st.integers(0, 255), st.binary(max_size=300), st.binary(max_size=2000)), max_size=30
    ),
    max_bytes=st.integers(1, 5000),
    data=st.data(),
)
def test_what_is_appended_is_read(
    records: list[tuple[int, bytes, bytes]],
    max_bytes: int,
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("outbox")
    reopen_at = data.draw(st.integers(0, len(records)))
    writer = OutboxWriter(directory, SMALL)
    for index, (topic, key, payload) in enumerate(records):
        if index == reopen_at:
            writer.close()
            writer = OutboxWriter(directory, SMALL)
        writer.append(topic, key, payload)
    writer.close()
    read = read_all(OutboxReader(directory), max_bytes)
    assert [(record.topic, record.key, record.payload) for record in read] == records
    numbers = [record.seq for record in read]
    assert numbers == sorted(set(numbers))


def test_a_torn_tail_at_every_byte(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path / "whole")
    fill(writer, 2, size=20)
    last = fill(writer, 1, size=20)[0]
    writer.close()
    (path,) = segment.segments(tmp_path / "whole")
    data = path.read_bytes()
    record_bytes = len(data) // 3
    for cut in range(len(data) - record_bytes, len(data)):
        directory = tmp_path / str(cut)
        shutil.copytree(tmp_path / "whole", directory)
        (directory / path.name).write_bytes(data[:cut])
        assert len(seqs(directory)) == 2
        again = OutboxWriter(directory)
        assert (directory / path.name).stat().st_size == len(data) - record_bytes
        new = again.append(1, b"", b"new")
        again.close()
        assert new > last
        assert seqs(directory)[-1] == new
        assert len(seqs(directory)) == 3


def test_a_damaged_tail_is_cut(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path)
    fill(writer, 3)
    writer.close()
    (path,) = segment.segments(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes(data)
    OutboxWriter(tmp_path).close()
    assert len(seqs(tmp_path)) == 2


def test_numbers_only_grow_with_a_gap_at_every_start(tmp_path: Path) -> None:
    numbers: list[int] = []
    for _ in range(3):
        writer = OutboxWriter(tmp_path)
        numbers += fill(writer, 2)
        writer.close()
    assert numbers == sorted(set(numbers))
    assert numbers[2] - numbers[1] >= SEQ_GAP
    assert seqs(tmp_path) == numbers


def test_a_start_without_appends_also_uses_up_numbers(tmp_path: Path) -> None:
    starts = []
    for _ in range(3):
        writer = OutboxWriter(tmp_path)
        starts.append(writer.next_seq)
        writer.close()
    assert starts == sorted(set(starts))


def test_the_edge_id_lasts_and_is_unique(tmp_path: Path) -> None:
    ids = []
    for directory in ("a", "a", "b"):
        writer = OutboxWriter(tmp_path / directory)
        ids.append(writer.edge_id)
        assert edge_id_of(tmp_path / directory) == writer.edge_id
        writer.close()
    assert ids[0] == ids[1] != ids[2]


def test_two_writers_are_refused(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path)
    with pytest.raises(OutboxBusyError):
        OutboxWriter(tmp_path)
    writer.close()
    OutboxWriter(tmp_path).close()


def test_segments_are_rotated_and_read_through(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path, SMALL)
    numbers = fill(writer, 200)
    paths = segment.segments(tmp_path)
    assert len(paths) > 3
    assert all(path.stat().st_size <= 4096 for path in paths)
    assert seqs(tmp_path) == numbers
    writer.close()


def test_a_record_larger_than_a_segment_has_one_of_its_own(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path, SMALL)
    numbers = [writer.append(1, b"", b"x" * size) for size in (10, 20_000, 10)]
    assert [len(record.payload) for record in read_all(OutboxReader(tmp_path), 512)] == [10, 20_000, 10]
    assert seqs(tmp_path) == numbers
    writer.close()


def test_a_reader_follows_and_goes_on_from_its_position(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path, SMALL)
    reader = OutboxReader(tmp_path)
    assert reader.read() == []
    seen: list[int] = []
    written: list[int] = []
    for _ in range(30):
        written += fill(writer, 7)
        seen += [record.seq for record in read_all(reader)]
        reader = OutboxReader(tmp_path, reader.position)  # as after a restart
        assert seen == written
    writer.close()


def test_every_position_is_a_place_to_go_on_from(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path, SMALL)
    numbers = fill(writer, 100)
    reader = OutboxReader(tmp_path)
    read = 0
    while batch := reader.read(300):
        read += len(batch)
        assert seqs(tmp_path, reader.position) == numbers[read:]
    assert read == 100
    writer.close()


def test_the_quota_refuses_and_gives_way_when_segments_go(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path, OutboxLimits(segment_bytes=4096, quota_bytes=20_000))
    with pytest.raises(OutboxFullError):
        fill(writer, 1000)
    number = writer.next_seq
    assert sum(path.stat().st_size for path in segment.segments(tmp_path)) <= 20_000
    assert not writer.has_room(1000)
    reader = OutboxReader(tmp_path)
    read_all(reader)
    assert retention.collect(tmp_path, reader.position, keep_bytes=0) > 0
    assert writer.has_room(1000)
    assert writer.append(1, b"", b"x") == number  # a refused append uses up no number
    writer.close()


def test_retention_keeps_what_is_unread_or_wanted(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path, SMALL)
    numbers = fill(writer, 200)
    paths = segment.segments(tmp_path)
    middle = Position(int(paths[3].stem), 10)
    assert retention.collect(tmp_path, middle, keep_bytes=1 << 30) == 0
    freed = retention.collect(tmp_path, middle, keep_bytes=5000)
    assert freed >= 3 * 4096 - 5000 - 4096
    assert segment.segments(tmp_path)[0] == paths[2]
    retention.collect(tmp_path, Position(1 << 62, 0), keep_bytes=0)
    assert segment.segments(tmp_path) == paths[-1:]
    assert seqs(tmp_path) == [number for number in numbers if number >= int(paths[-1].stem)]
    writer.close()


def test_a_damaged_segment_in_the_middle_is_left_behind_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = OutboxWriter(tmp_path, SMALL)
    numbers = fill(writer, 200)
    writer.close()
    victim = segment.segments(tmp_path)[2]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0x01
    victim.write_bytes(data)
    reader = OutboxReader(tmp_path)
    read = [record.seq for record in read_all(reader)]
    lost = set(numbers) - set(read)
    following = int(segment.segments(tmp_path)[3].stem)
    assert reader.corrupt_segments == 1
    assert "rest of the segment skipped" in caplog.text
    assert lost
    assert all(int(victim.stem) <= number < following for number in lost)
    assert read == sorted(read)


@pytest.mark.parametrize("length", [0, 1, segment.MAX_RECORD_BYTES + 1, 0xFFFFFFFF])
def test_an_absurd_length_is_damage(length: int) -> None:
    with pytest.raises(segment.CorruptSegmentError):
        segment.unpack(segment.HEAD.pack(length, 0) + b"x" * 100, 0)


@given(st.binary(max_size=200))
def test_garbage_is_told_and_nothing_else_happens(data: bytes) -> None:
    try:
        found = segment.unpack(data, 0)
    except segment.CorruptSegmentError:
        return
    assert found is None or segment.pack(
        *[getattr(found[0], name) for name in ("seq", "topic", "key", "payload")]
    )


def test_fsync_writes_the_same(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path, OutboxLimits(fsync=True))
    numbers = fill(writer, 3)
    writer.close()
    assert seqs(tmp_path) == numbers


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    writer = OutboxWriter(tmp_path)
    fill(writer, 1)
    assert [path.stat().st_mode & 0o077 for path in segment.segments(tmp_path)] == [0]
    writer.close()


def test_a_segment_that_cant_be_begun_is_a_full_outbox_and_harms_no_other_file(tmp_path: Path) -> None:
    """The old segment stays open until there is a new one: else its number may be another file's by then."""
    directory, away = tmp_path / "outbox", tmp_path / "away"
    writer = OutboxWriter(directory, SMALL)
    first = fill(writer, 1, size=4000)
    directory.rename(away)
    with pytest.raises(OutboxFullError):
        fill(writer, 1, size=4000)
    with (tmp_path / "other").open("wb", buffering=0) as other:
        with pytest.raises(OutboxFullError):
            fill(writer, 1, size=4000)
        other.write(b"still open")
    away.rename(directory)
    assert seqs(directory) == first
    second = fill(writer, 1, size=4000)
    writer.close()
    assert seqs(directory) == first + second


def test_a_record_that_did_not_reach_the_disk_uses_up_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader may have it already: with the same number the next one would count as applied."""

    def failing(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    writer = OutboxWriter(tmp_path, OutboxLimits(fsync=True))
    with monkeypatch.context() as patched:
        patched.setattr("os.fdatasync", failing)
        with pytest.raises(OutboxFullError):
            writer.append(1, b"key", b"not on disk")
    written = writer.append(1, b"key", b"on disk")
    records = read_all(OutboxReader(tmp_path))
    assert [record.payload for record in records] == [b"not on disk", b"on disk"]
    assert [record.seq for record in records] == [written - 1, written]
    writer.close()
