"""Pricing past calls by other prices, beside what they were priced at: the table `call_restated`.

What was recorded stays as it is. Each restatement has a name, and can be queried under it (view `restated`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tallygate.runtime.clickhouse import Session, Target, connect
from tallygate.schemas.records import Call
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.replay.log import EventLog
from tallygate.stream_processors.replay.rebuild import Progress, priced_calls
from tallygate.stream_processors.sink.rows import CALL_COLUMNS, block_of
from tallygate.stream_processors.sink.unavailable import store_errors
from tallygate.stream_processors.store import Placed

TABLE = "call_restated"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
BATCH_ROWS = 20_000
_NAMES = frozenset(
    {
        "project",
        "received_at",
        "request_id",
        "provider",
        "model",
        "priced",
        "cost_nanos",
        "price_ref",
        "origin_edge",
        "origin_seq",
    }
)
_COLUMNS = [column for column in CALL_COLUMNS if column.name in _NAMES]
_FORGET = "ALTER TABLE call_restated DROP PARTITION '{name}'"
_DIFFERENCE = """
SELECT
    restated.provider,
    restated.model,
    count(),
    countIf(NOT recorded.priced),
    countIf(NOT restated.priced),
    sum(recorded.cost_nanos),
    sum(restated.cost_nanos)
FROM call_restated AS restated
INNER JOIN
(
    SELECT source_partition, origin_edge, origin_seq, priced, cost_nanos
    FROM call_log
    WHERE received_at >= (SELECT min(received_at) FROM call_restated WHERE restatement = {name:String})
      AND received_at <= (SELECT max(received_at) FROM call_restated WHERE restatement = {name:String})
) AS recorded USING (source_partition, origin_edge, origin_seq)
WHERE restated.restatement = {name:String}
GROUP BY restated.provider, restated.model
ORDER BY abs(toInt256(sum(restated.cost_nanos)) - toInt256(sum(recorded.cost_nanos))) DESC, 1, 2
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One model's calls: as recorded, and as restated."""

    provider: str
    model: str
    calls: int
    unpriced_recorded: int
    unpriced_restated: int
    recorded_nanos: int
    restated_nanos: int

    @property
    def nanos(self) -> int:
        """How much more they cost."""
        return self.restated_nanos - self.recorded_nanos


@dataclass(frozen=True, slots=True)
class Restated:
    """What a restatement found."""

    name: str
    calls: int
    """In the log."""
    missing: int
    """Of them, those that the table of calls does not hold (yet)."""
    bad: int
    differences: Sequence[Difference]
    """The largest first."""


def restate(target: Target, events: EventLog, pricer: Pricer, name: str, progress: Progress) -> Restated:
    """Price the log's calls, keep the result under a name (replacing an earlier one), and compare.

    Args:
        name: letters, digits, `.`, `_` and `-`.

    Raises:
        ValueError: it is not such a name.
        StoreUnavailableError, RetryableError: to be run again.
        FatalError: ClickHouse refuses.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r}: a name has letters, digits, '.', '_' and '-', 64 at most")
    with store_errors():
        session = connect(target)
        try:
            session.command(_FORGET.format(name=name))
            calls, bad = _fill(session, events, pricer, name, progress)
            rows = session.rows(_DIFFERENCE, {"name": name})
        finally:
            session.close()
    differences = [
        Difference(provider, model, *(int(number or 0) for number in numbers))
        for provider, model, *numbers in rows
    ]
    found = sum(difference.calls for difference in differences)
    return Restated(name, calls, calls - found, bad, differences)


def projects(target: Target) -> list[str]:
    """Every project that has calls.

    Raises:
        StoreUnavailableError: to be asked again.
    """
    with store_errors():
        session = connect(target)
        try:
            return [project for (project,) in session.rows("SELECT DISTINCT project FROM call_log")]
        finally:
            session.close()


def _fill(
    session: Session, events: EventLog, pricer: Pricer, name: str, progress: Progress
) -> tuple[int, int]:
    waiting = _Waiting(session, name)
    bad = 0
    for chunk in events.chunks():
        calls = priced_calls(pricer, chunk)
        waiting.add(chunk.partition, calls)
        bad += chunk.bad + len(chunk.responses) - len(calls)
        progress(events.done)
    waiting.flush()
    return waiting.count, bad


class _Waiting:
    """Rows that are not inserted yet: each insert makes a part, so there should be few."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self._calls: dict[int, list[Placed[Call]]] = {}
        self._rows = 0
        self.count = 0

    def add(self, partition: int, calls: Sequence[Placed[Call]]) -> None:
        """Take calls of a partition; insert all if they are many."""
        self._calls.setdefault(partition, []).extend(map(_without_bodies, calls))
        self._rows += len(calls)
        self.count += len(calls)
        if self._rows >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Insert what waits."""
        for partition, calls in self._calls.items():
            if calls:
                block = block_of(_COLUMNS, partition, calls)
                names, types = ["restatement", *block.names], ["LowCardinality(String)", *block.types]
                self._session.insert(TABLE, names, types, [[self._name] * len(calls), *block.columns])
        self._calls, self._rows = {}, 0


def _without_bodies(placed: Placed[Call]) -> Placed[Call]:
    return Placed(placed.offset, placed.record.model_copy(update={"prompt": "", "response": ""}))
