"""Following an outbox from a position. Reading never changes it; any number of readers may follow."""

import logging
from dataclasses import dataclass
from pathlib import Path

from tallygate.edge.outbox import segment
from tallygate.edge.outbox.segment import CorruptSegmentError, OutboxRecord

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an outbox: the first number of a segment (its file's name) and a byte offset in it."""

    segment: int = 0
    offset: int = 0


def edge_id_of(directory: Path) -> str:
    """The id of the edge that writes there; empty if it has not come so far yet, or is gone."""
    try:
        return (directory / "edge_id").read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


class OutboxReader:
    """Reads records in order, from one position on, also while they are being written."""

    def __init__(self, directory: Path, position: Position | None = None) -> None:
        self._directory = directory
        self.position = position or Position()
        """Behind the last record returned. A reader that keeps it elsewhere saves it with its effects."""
        self.corrupt_segments = 0
        """Segments whose rest was skipped because it is damaged."""

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are written and not read yet."""
        waiting = 0
        for path in segment.segments(self._directory):
            first = int(path.stem)
            if first < self.position.segment:
                continue
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # deleted since it was listed
                continue
            waiting += max(0, size - self.position.offset) if first == self.position.segment else size
        return waiting

    def read(self, max_bytes: int = 1 << 20) -> list[OutboxRecord]:
        """Return the next records, about `max_bytes` of them at most; empty if there are none yet."""
        while True:
            path, newest = self._current()
            if path is None:
                return []
            records = self._read_from(path, max_bytes, newest=newest)
            if records or newest:
                return records
            self.position = Position(int(path.stem) + 1, 0)

    def _current(self) -> tuple[Path | None, bool]:
        """The segment to read, and whether it is the newest (which may still grow)."""
        paths = [p for p in segment.segments(self._directory) if int(p.stem) >= self.position.segment]
        if not paths:
            return None, True
        if int(paths[0].stem) != self.position.segment:
            self.position = Position(int(paths[0].stem), 0)
        return paths[0], len(paths) == 1

    def _read_from(self, path: Path, max_bytes: int, *, newest: bool) -> list[OutboxRecord]:
        data = self._load(path, max_bytes)
        records: list[OutboxRecord] = []
        at = 0
        try:
            while (step := segment.unpack(data, at)) is not None:
                record, at = step
                records.append(record)
        except CorruptSegmentError:
            if not records and not newest:
                self.corrupt_segments += 1
                log.exception("%s: rest of the segment skipped", path)
        self.position = Position(int(path.stem), self.position.offset + at)
        return records

    def _load(self, path: Path, max_bytes: int) -> bytes:
        """Read a block; a record longer than the block is read whole."""
        max_bytes = max(max_bytes, segment.HEAD.size)
        try:
            with path.open("rb") as file:
                file.seek(self.position.offset)
                data = file.read(max_bytes)
                if len(data) == max_bytes:
                    length, _ = segment.HEAD.unpack_from(data)
                    missing = segment.HEAD.size + length - len(data)
                    if 0 < missing <= segment.MAX_RECORD_BYTES:
                        data += file.read(missing)
                return data
        except FileNotFoundError:  # deleted between listing and opening
            return b""
