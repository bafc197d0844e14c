"""Grouping outbox records into Kafka messages. Pure."""

from collections.abc import Iterable

from tallygate.edge.outbox.segment import OutboxRecord
from tallygate.runtime.messages import Message, Place, partition_of
from tallygate.schemas.topics import BY_CODE

MAX_MESSAGE_BYTES = 512 * 1024
"""Of several events together; a single longer one is a message of its own."""
MAX_MESSAGE_EVENTS = 500
"""A reader works on a whole message at once: this bounds how long it holds its event loop."""


class Grouping:
    """Messages under construction, by partition. Records of a partition stay in their order."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._done: dict[Place, list[Message]] = {}
        self._open: dict[Place, list[bytes]] = {}
        self._open_bytes: dict[Place, int] = {}

    def place_of(self, record: OutboxRecord) -> Place:
        """Where a record goes. Its topic code must be a known one."""
        return Place(BY_CODE[record.topic].name, partition_of(record.key, self._partitions))

    def add(self, place: Place, payload: bytes) -> None:
        """Append one encoded event to a partition."""
        lines = self._open.setdefault(place, [])
        size = self._open_bytes.get(place, 0) + len(payload) + 1
        if lines and (size > MAX_MESSAGE_BYTES or len(lines) >= MAX_MESSAGE_EVENTS):
            self._close(place)
            lines, size = self._open.setdefault(place, []), len(payload) + 1
        lines.append(payload)
        self._open_bytes[place] = size

    def messages(self) -> dict[Place, list[Message]]:
        """Everything added so far, as messages."""
        for place in list(self._open):
            self._close(place)
        return self._done

    def _close(self, place: Place) -> None:
        lines = self._open.pop(place)
        del self._open_bytes[place]
        self._done.setdefault(place, []).append(Message(None, b"\n".join(lines)))


def group(records: Iterable[OutboxRecord], partitions: int) -> dict[Place, list[Message]]:
    """Messages of records whose topics are known and whose payloads fit."""
    grouping = Grouping(partitions)
    for record in records:
        grouping.add(grouping.place_of(record), record.payload)
    return grouping.messages()
