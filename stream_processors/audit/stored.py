"""What the store of calls says: of what the totals have counted, and nothing that came later."""

from collections.abc import Iterable, Mapping
from typing import Any

from tallygate.runtime.clickhouse import Session, Target, connect
from tallygate.stream_processors.audit.compare import Figures, Marks, Run, Stream
from tallygate.stream_processors.sink.unavailable import store_errors

_HELD = """
SELECT source_partition, origin_edge, max(origin_seq) FROM call_log GROUP BY source_partition, origin_edge
"""
_COUNTED = """
SELECT
    project,
    count(),
    countIf(NOT priced),
    sum(cost_nanos),
    sum(input_tokens),
    sum(output_tokens)
FROM call_log
INNER JOIN
(
    SELECT bound.1 AS source_partition, bound.2 AS origin_edge, bound.3 AS last
    FROM
    (
        SELECT arrayJoin(arrayZip(
            {partitions:Array(UInt32)}, {edges:Array(String)}, {lasts:Array(Int64)}
        )) AS bound
    )
) AS bounds USING (source_partition, origin_edge)
WHERE toInt64(origin_seq) <= last
GROUP BY project
"""
_IN_RUNS = """
SELECT source_partition, origin_edge, count()
FROM call_log
INNER JOIN
(
    SELECT bound.1 AS source_partition, bound.2 AS origin_edge, bound.3 AS first, bound.4 AS last
    FROM
    (
        SELECT arrayJoin(arrayZip(
            {partitions:Array(UInt32)}, {edges:Array(String)}, {firsts:Array(Int64)}, {lasts:Array(Int64)}
        )) AS bound
    )
) AS bounds USING (source_partition, origin_edge)
WHERE toInt64(origin_seq) BETWEEN first AND last
GROUP BY source_partition, origin_edge
"""


class Stored:
    """Answers from ClickHouse, over one connection, for one thread."""

    def __init__(self, target: Target) -> None:
        """Connect.

        Raises:
            StoreUnavailableError: it can't be reached.
        """
        with store_errors():
            self._session: Session = connect(target)

    def lacking(self, marks: Marks) -> list[Stream]:
        """Streams of which the totals have counted what is not stored yet: the sink is behind."""
        held = {(int(partition), str(edge)): int(seq) for partition, edge, seq in self._rows(_HELD)}
        return sorted(stream for stream, mark in marks.items() if held.get(stream, -1) < mark)

    def counted(self, marks: Marks) -> dict[str, Figures]:
        """Figures by project, of the calls up to the marks."""
        values = _streams(marks) | {"lasts": list(marks.values())}
        return {str(row[0]): Figures(*(int(n or 0) for n in row[1:])) for row in self._rows(_COUNTED, values)}

    def within(self, runs: Mapping[Stream, Run]) -> dict[Stream, int]:
        """Rows in each run."""
        values = _streams(runs) | {
            "firsts": [run.first for run in runs.values()],
            "lasts": [run.last for run in runs.values()],
        }
        return {(int(p), str(edge)): int(count) for p, edge, count in self._rows(_IN_RUNS, values)}

    def close(self) -> None:
        """Close the connection."""
        with store_errors():
            self._session.close()

    def _rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with store_errors():
            return self._session.rows(sql, values)


def _streams(streams: Iterable[Stream]) -> dict[str, list[Any]]:
    known = list(streams)
    return {"partitions": [partition for partition, _ in known], "edges": [edge for _, edge in known]}
