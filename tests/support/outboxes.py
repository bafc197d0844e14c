"""Outboxes filled with events, as edges would."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from tallygate.edge.outbox.writer import OutboxLimits, OutboxWriter
from tallygate.runtime.tasks import spawn
from tallygate.schemas.call import CallContext, Origin
from tallygate.schemas.codec import encode
from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.topics import REQUESTS, RESPONSES, partition_key
from tests.support.factories import response_event


class FilledOutbox:
    """The outbox of an edge worker, and every response event that was put in."""

    def __init__(self, root: Path, index: int = 0, limits: OutboxLimits | None = None) -> None:
        self.directory = root / f"edge-{index}"
        self.writer = OutboxWriter(self.directory, limits)
        self.responses: list[ResponseEvent] = []

    def add(self, event: RequestEvent | ResponseEvent) -> Origin:
        """Append one event with its true origin."""
        origin = Origin(edge_id=self.writer.edge_id, seq=self.writer.next_seq)
        event = event.model_copy(update={"origin": origin})
        topic = REQUESTS if isinstance(event, RequestEvent) else RESPONSES
        self.writer.append(topic.code, _key(event), encode(event))
        if isinstance(event, ResponseEvent):
            self.responses.append(event)
        return origin

    def add_all(self, events: Iterable[RequestEvent | ResponseEvent]) -> None:
        """Append events in order."""
        for event in events:
            self.add(event)

    def close(self) -> None:
        """Close the writer."""
        self.writer.close()


def _key(event: CallContext) -> bytes:
    return partition_key(event.project, event.user_id)


@asynccontextmanager
async def loaded(outbox: FilledOutbox, per_second: int) -> AsyncIterator[None]:
    """Add response events at about that rate for as long as the block lasts."""
    done = asyncio.Event()

    async def load() -> None:
        while not done.is_set():
            outbox.add_all(response_event() for _ in range(max(1, per_second // 50)))
            await asyncio.sleep(0.02)

    loading = spawn(load(), name="load")
    try:
        yield
    finally:
        done.set()
        await loading
