"""Following all outboxes of a machine: new ones appear, a lost one may come back as another."""

import logging
from dataclasses import dataclass
from pathlib import Path

from tallygate.edge.outbox.reader import OutboxReader, edge_id_of
from tallygate.edge.outbox.retention import collect
from tallygate.edge.outbox.segment import OutboxRecord
from tallygate.edge.shipper.positions import Shipped

log = logging.getLogger(__name__)

READ_BYTES = 1024 * 1024
"""Per outbox and step."""


@dataclass(slots=True)
class Outbox:
    """One outbox being read. `reader.position` runs ahead of what is shipped by at most one step."""

    name: str
    edge_id: str
    directory: Path
    reader: OutboxReader

    def shipped(self) -> Shipped:
        """The reader's place, to be saved when all that it returned is confirmed."""
        return Shipped(
            edge_id=self.edge_id, segment=self.reader.position.segment, offset=self.reader.position.offset
        )


class Follower:
    """All outboxes below a directory. Blocking: called in a thread."""

    def __init__(self, root: Path, known: dict[str, Shipped]) -> None:
        self._root = root
        self._known = known
        self._outboxes: dict[str, Outbox] = {}

    def read(self) -> list[tuple[Outbox, list[OutboxRecord]]]:
        """The next records of every outbox that has some."""
        self._discover()
        found = [(outbox, outbox.reader.read(READ_BYTES)) for outbox in self._outboxes.values()]
        return [(outbox, records) for outbox, records in found if records]

    def positions(self) -> dict[str, Shipped]:
        """The readers' places, and the known ones of outboxes that are not there now."""
        return self._known | {name: outbox.shipped() for name, outbox in self._outboxes.items()}

    def collect(self, keep_bytes: int) -> None:
        """Delete shipped segments beyond what is to be kept of each outbox."""
        for outbox in self._outboxes.values():
            if edge_id_of(outbox.directory) != outbox.edge_id:  # another, of which nothing is read yet
                continue
            if freed := collect(outbox.directory, outbox.reader.position, keep_bytes):
                log.info("%s: %d bytes of shipped segments deleted", outbox.name, freed)

    def lag_bytes(self) -> int:
        """Bytes that wait in all outboxes."""
        return sum(outbox.reader.waiting_bytes for outbox in self._outboxes.values())

    def corrupt_segments(self) -> int:
        """Segments of which a damaged rest was skipped."""
        return sum(outbox.reader.corrupt_segments for outbox in self._outboxes.values())

    def _discover(self) -> None:
        for directory in sorted(self._root.glob("edge-*")):
            followed = self._outboxes.get(directory.name)
            edge_id = edge_id_of(directory)
            if edge_id and (followed is None or followed.edge_id != edge_id):
                self._outboxes[directory.name] = self._open(directory, edge_id)

    def _open(self, directory: Path, edge_id: str) -> Outbox:
        before = self._outboxes.get(directory.name)
        saved = before.shipped() if before else self._known.get(directory.name)
        if saved is not None and saved.edge_id != edge_id:
            log.warning("%s was replaced by another outbox: shipping it from its beginning", directory)
            saved = None
        reader = OutboxReader(directory, saved.position if saved else None)
        return Outbox(directory.name, edge_id, directory, reader)
