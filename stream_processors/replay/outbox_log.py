"""The embedded run's event log: the outboxes, as far back as their consumed segments were kept."""

from collections.abc import Iterator
from pathlib import Path

from tallygate.edge.outbox import segment
from tallygate.edge.outbox.reader import OutboxReader
from tallygate.edge.outbox.segment import OutboxRecord
from tallygate.schemas.codec import BadRecordError, decode
from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.topics import REQUESTS, RESPONSES
from tallygate.stream_processors.embedded import outboxes
from tallygate.stream_processors.embedded.runner import PARTITION
from tallygate.stream_processors.replay.log import Chunk, Seen, Span
from tallygate.stream_processors.store import Placed

CHUNK_BYTES = 4 * 1024 * 1024


class OutboxLog:
    """An `EventLog` over a directory of outboxes, which nobody may be writing or cleaning up."""

    def __init__(self, outbox_dir: Path, span: Span) -> None:
        """Look at what there is.

        Raises:
            FatalError: an outbox is there twice.
        """
        self._directories = outboxes.found(outbox_dir)
        self._span = span
        self._total_bytes = sum(
            path.stat().st_size
            for directory in self._directories.values()
            for path in segment.segments(directory)
        )
        self._read_bytes = 0

    @property
    def done(self) -> float:
        """See `EventLog`."""
        return min(1.0, self._read_bytes / self._total_bytes) if self._total_bytes else 1.0

    def chunks(self) -> Iterator[Chunk]:
        """See `EventLog`."""
        seen = Seen()
        for directory in self._directories.values():
            reader = OutboxReader(directory)
            while records := reader.read(CHUNK_BYTES):
                yield self._chunk(records, seen)
                self._read_bytes += sum(map(segment.size_bytes, records))

    def _chunk(self, records: list[OutboxRecord], seen: Seen) -> Chunk:
        requests: list[Placed[RequestEvent]] = []
        responses: list[Placed[ResponseEvent]] = []
        bad = 0
        for record in records:
            try:
                if record.topic == RESPONSES.code:
                    response = decode(ResponseEvent, record.payload)
                    if self._span.holds(response) and seen.new(PARTITION, response):
                        responses.append(Placed(record.seq, response))
                elif record.topic == REQUESTS.code:
                    request = decode(RequestEvent, record.payload)
                    if self._span.holds(request) and seen.new(PARTITION, request):
                        requests.append(Placed(record.seq, request))
            except BadRecordError:
                bad += 1
        return Chunk(PARTITION, requests, responses, bad)
