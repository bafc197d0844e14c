"""What a rule would have counted of the calls that ClickHouse holds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tallygate.runtime.clickhouse import Session, Target, connect
from tallygate.schemas.filters import AnyNode
from tallygate.schemas.rules import QUANTILE_METRICS, Rule
from tallygate.stream_processors.rules.backfill import BackfillAsked, BackfillRow
from tallygate.stream_processors.rules.labels import PROPERTY_PREFIX
from tallygate.stream_processors.sink.store import MARKS
from tallygate.stream_processors.sink.unavailable import store_errors
from tallygate.stream_processors.usage.sketch import BUCKETS_PER_E, ZERO_BUCKET
from tallygate.stream_processors.usage.sums import COUNTERS, SUCCESSES
from tallygate.stream_processors.usage.tally import Tally

ConditionOf = Callable[[AnyNode], tuple[str, Mapping[str, Any]]]
"""A filter as a condition over the view `calls`, and its parameters."""

_SUCCESSES = ", ".join(f"'{outcome}'" for outcome in sorted(SUCCESSES))
_SUMS = {
    "requests": "count()",
    "errors": f"countIf(outcome NOT IN ({_SUCCESSES}, 'client_cancelled'))",
    "timeouts": "countIf(outcome = 'timeout')",
    "cancelled": "countIf(outcome = 'client_cancelled')",
    "rate_limited": "countIf(status = 429 OR has(attempt_status, 429))",
    "cache_hits": "countIf(outcome = 'cache_hit')",
    "unpriced": "countIf(NOT priced)",
    "ttft_count": "countIf(isNotNull(ttft_us))",
}
"""Those that are not the sum of a column of their own name."""
_CALLS = """
    SELECT *, `attempt.status` AS attempt_status, length(`attempt.status`) AS attempts,
        latency_us / 1000 AS latency_ms, ttft_us / 1000 AS ttft_ms
    FROM call_log
"""
"""With the names by which filters ask, as in the view `calls`."""
_GROUPS = {
    "": "''",
    "user": "user_id",
    "key": "key_id",
    "model": "if(model = '', model_requested, model)",
    "provider": "provider",
}


class Statement(NamedTuple):
    """A statement and its parameters."""

    sql: str
    values: dict[str, Any]


class ClickHouseSums:
    """`PastCalls` in ClickHouse; for one thread at a time. The connection is opened at first use."""

    def __init__(self, target: Target, condition_of: ConditionOf) -> None:
        self._target = target
        self._condition_of = condition_of
        self._session: Session | None = None

    def held(self, partition: int) -> Mapping[str, int]:
        """See `PastCalls`."""
        with store_errors():
            return dict(self._open().rows(MARKS.format(table="call_log"), {"partition": partition}))

    def sums(self, asked: BackfillAsked) -> list[BackfillRow]:
        """See `PastCalls`."""
        statement = statement_of(asked, self._condition_of)
        with store_errors():
            return rows_of(self._open().rows(statement.sql, statement.values))

    def close(self) -> None:
        """Close the connection."""
        session, self._session = self._session, None
        if session is not None:
            with store_errors():
                session.close()

    def _open(self) -> Session:
        if self._session is None:
            self._session = connect(self._target)
        return self._session


def statement_of(asked: BackfillAsked, condition_of: ConditionOf) -> Statement:
    """The statement that answers. Its rows are read by `rows_of`."""
    rule = asked.rule
    group, values = _group(rule)
    values |= {
        "project": rule.project,
        "partition": asked.partition,
        "edges": list(asked.marks),
        "seqs": list(asked.marks.values()),
        "starts": list(asked.bucket_starts_us),
    }
    conditions = [
        "project = {project:String}",
        "source_partition = {partition:UInt32}",
        "origin_seq <= transform(origin_edge, {edges:Array(String)}, {seqs:Array(Int64)}, toInt64(-1))",
        "received_at >= fromUnixTimestamp64Micro({starts:Array(Int64)}[1])",
    ]
    if rule.group_by:
        conditions.append(f"{group} != ''")
    if rule.filter is not None:
        condition, more = condition_of(rule.filter)
        conditions.append(condition)
        values |= more
    sums = [_SUMS.get(name) or f"sum({name})" for name in COUNTERS]
    sketches = [_sketch(name) if rule.metric in QUANTILE_METRICS else "map()" for name in ("latency", "ttft")]
    columns = [
        f"{group} AS group_value",
        "toInt64(roundDown(toUnixTimestamp64Micro(received_at), {starts:Array(Int64)})) AS bucket_us",
        *sums,
        *sketches,
        "toUnixTimestamp64Micro(min(received_at))",
        "toUnixTimestamp64Micro(max(received_at))",
        "toUnixTimestamp64Micro(max(ended_at))",
    ]
    inner = f"{_CALLS} WHERE {' AND '.join(conditions)}"
    sql = f"SELECT {', '.join(columns)} FROM ({inner}) GROUP BY group_value, bucket_us"  # noqa: S608
    return Statement(sql, values)


def rows_of(rows: Sequence[Sequence[Any]]) -> list[BackfillRow]:
    """The statement's rows."""
    found = []
    for group, start_us, *numbers in rows:
        tally = Tally()
        *sums, latency, ttft, tally.first_us, tally.last_us, tally.last_seen_us = numbers
        tally.sums = [int(number or 0) for number in sums]
        tally.latency, tally.ttft = dict(latency), dict(ttft)
        found.append(BackfillRow(group, start_us, tally))
    return found


def _group(rule: Rule) -> tuple[str, dict[str, Any]]:
    if not rule.group_by.startswith(PROPERTY_PREFIX):
        return _GROUPS[rule.group_by], {}
    return "properties[{group_name:String}]", {"group_name": rule.group_by.removeprefix(PROPERTY_PREFIX)}


def _sketch(name: str) -> str:
    """Counts by the buckets of `usage.sketch`."""
    us = f"assumeNotNull({name}_us)"
    bucket = f"if({us} = 0, {ZERO_BUCKET}, toInt32(ceil(log({us}) * {BUCKETS_PER_E!r})))"
    return f"sumMapIf(map({bucket}, toUInt64(1)), isNotNull({name}_us))"
