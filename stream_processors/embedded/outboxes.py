"""The outboxes of one machine: found by name, each followed from its position."""

from dataclasses import dataclass
from pathlib import Path

from tallygate.edge.outbox import segment
from tallygate.edge.outbox.reader import OutboxReader, Position, edge_id_of
from tallygate.edge.outbox.retention import collect
from tallygate.stream_processors.errors import FatalError


@dataclass(slots=True)
class Followed:
    """One outbox that is being read."""

    edge_id: str
    directory: Path
    reader: OutboxReader
    collected: int = 0
    """Segment that was current when old ones were last deleted."""


def found(outbox_dir: Path) -> dict[str, Path]:
    """Directories of the outboxes there are now, by the id of their edge.

    Raises:
        FatalError: two have the same id (one was copied), so that their numbers can't be told apart.
    """
    directories: dict[str, Path] = {}
    for directory in sorted(outbox_dir.glob("edge-*")):
        if not (edge_id := edge_id_of(directory)):  # its edge is just starting
            continue
        if edge_id in directories:
            raise FatalError(f"{directory} is a copy of {directories[edge_id]}: both have the id {edge_id}")
        directories[edge_id] = directory
    return directories


def position_before(directory: Path, seq: int) -> Position:
    """A position from which everything above a number is still to come, as far back as the log goes."""
    starts = [int(path.stem) for path in segment.segments(directory)]
    return Position(max((start for start in starts if start <= seq + 1), default=0), 0)


def delete_consumed(outbox: Followed, keep_bytes: int) -> int:
    """Delete read segments, beyond those to keep; return the bytes freed."""
    outbox.collected = outbox.reader.position.segment
    return collect(outbox.directory, outbox.reader.position, keep_bytes)
