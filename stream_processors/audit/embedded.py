"""The books of the embedded run: `state.db`, chDB and the outboxes."""

from collections.abc import Iterator
from pathlib import Path

from tallygate.edge.outbox.reader import OutboxReader
from tallygate.runtime.clickhouse import Target
from tallygate.schemas.topics import RESPONSES
from tallygate.stream_processors.audit.audit import Counted
from tallygate.stream_processors.audit.compare import Stream
from tallygate.stream_processors.embedded import outboxes, read_dead_letters, read_totals
from tallygate.stream_processors.embedded.runner import PARTITION

CHUNK_BYTES = 1024 * 1024
MAX_DEAD = 100_000


class EmbeddedBooks:
    """`Books` of one machine. The edges and the core may be at work."""

    def __init__(self, target: Target, outbox_dir: Path, state_path: Path) -> None:
        self.target = target
        self._outbox_dir = outbox_dir
        self._state_path = state_path

    def counted(self) -> Counted:
        """See `Books`."""
        totals = tuple(read_totals(self._state_path, "WHERE dimension = 'project'"))
        dead: dict[Stream, set[int]] = {}
        for letter, _ in read_dead_letters(self._state_path, MAX_DEAD):
            dead.setdefault((PARTITION, letter.edge_id), set()).add(letter.seq)
        return Counted(totals, dead)

    def events(self) -> Iterator[tuple[Stream, int]]:
        """See `Books`. Records are counted by their numbers, and not decoded."""
        for edge_id, directory in outboxes.found(self._outbox_dir).items():
            reader = OutboxReader(directory)
            while records := reader.read(CHUNK_BYTES):
                for record in records:
                    if record.topic == RESPONSES.code:
                        yield (PARTITION, edge_id), record.seq
