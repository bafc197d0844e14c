"""Rebuilding the tables of calls and requests from the event log.

Order, which leaves the tables whole whenever it is killed: (1) every event of the span is priced anew and
goes into shadow tables; (2) what the log has forgotten is copied from the tables into them; (3) month by
month, the shadow takes the table's place at once. Nothing else may write to the tables meanwhile.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tallygate.runtime.clickhouse import Target
from tallygate.schemas.records import Call
from tallygate.stream_processors.errors import DeadLetterError
from tallygate.stream_processors.pricing import Pricer, priced
from tallygate.stream_processors.replay.log import Chunk, EventLog
from tallygate.stream_processors.replay.shadow import ByModel, Shadow, Sums
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed

log = logging.getLogger(__name__)
Progress = Callable[[float], None]
"""Is told which part is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did."""

    calls: int
    requests: int
    bad: int
    """Records of the log that are no events, or can't be priced."""
    before: ByModel
    """Of the months that were touched."""
    after: ByModel

    @property
    def equal(self) -> bool:
        """Whether the tables held what the log says."""
        return self.before == self.after

    def changed(self) -> Iterator[tuple[tuple[str, str], Sums, Sums]]:
        """Provider and model, and what was and will be, where that differs."""
        for key in sorted({*self.before, *self.after}):
            before, after = self.before.get(key, Sums()), self.after.get(key, Sums())
            if before != after:
                yield key, before, after


def rebuild(
    target: Target, events: EventLog, pricer: Pricer, progress: Progress, *, apply: bool = True
) -> Rebuilt:
    """Rebuild the tables from a log; without `apply`, only say what that would change.

    Raises:
        StoreUnavailableError, RetryableError: nothing is changed, or some months are; to be run again.
        FatalError: ClickHouse refuses.
    """
    shadow = Shadow(target)
    store = ClickHouseStore(target, shadow.tables)
    calls = requests = bad = 0
    try:
        for chunk in events.chunks():
            found = priced_calls(pricer, chunk)
            store.insert_requests(chunk.partition, chunk.requests)
            store.insert_calls(chunk.partition, found)
            calls += len(found)
            requests += len(chunk.requests)
            bad += chunk.bad + len(chunk.responses) - len(found)
            progress(events.done)
        shadow.complete()
        before, after = shadow.sums()
        if apply:
            shadow.swap()
    finally:
        store.close()
        shadow.drop()
        shadow.close()
    return Rebuilt(calls, requests, bad, before, after)


def priced_calls(pricer: Pricer, chunk: Chunk) -> list[Placed[Call]]:
    """The calls of a chunk's events, less those that can't be priced."""
    calls = []
    for placed in chunk.responses:
        try:
            calls.append(Placed(placed.offset, priced(pricer, placed.record)))
        except DeadLetterError as error:
            log.error("event %s can't be priced: %s", placed.record.event_id, error)  # noqa: TRY400
    return calls
