"""Calls as the store holds them, with what totals need of them, page by page."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from tallygate.runtime.clickhouse import Session
from tallygate.schemas.call import Attempt, Outcome
from tallygate.schemas.records import Call
from tallygate.stream_processors.sink.unavailable import store_errors

PAGE = 32_768
"""Numbers of one edge's events in a page; a part of them are calls."""
_PLAIN = (
    "project", "user_id", "key_id", "session_id", "model", "model_requested", "provider", "properties",
    "status", "priced", "cost_nanos", "cache_saved_nanos", "input_tokens", "output_tokens",
    "cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "input_audio_tokens",
    "output_audio_tokens", "latency_us", "ttft_us",
)  # fmt: skip
"""Columns that are fields of the same name."""
_PAGES = """
SELECT origin_edge, intDiv(origin_seq, {size:UInt64}) AS page, count(), max(origin_seq)
FROM call_log
WHERE source_partition = {partition:UInt32}
GROUP BY origin_edge, page
ORDER BY origin_edge, page
"""
_CALLS = f"""
SELECT
    {", ".join(_PLAIN)},
    outcome,
    `attempt.status`,
    toUnixTimestamp64Micro(received_at),
    toUnixTimestamp64Micro(ended_at)
FROM call_log
WHERE source_partition = {{partition:UInt32}}
    AND origin_edge = {{edge:String}}
    AND origin_seq BETWEEN {{first:UInt64}} AND {{last:UInt64}}
"""  # noqa: S608 - names from the code


class Page(NamedTuple):
    """Where some calls of one edge are."""

    edge_id: str
    number: int
    calls: int
    last: int
    """Highest number of them."""


class StoredCalls:
    """Those of one partition. For one thread; nobody else may write meanwhile."""

    def __init__(self, session: Session, partition: int, page: int = PAGE) -> None:
        self._session = session
        self._partition = partition
        self._page = page

    def pages(self) -> list[Page]:
        """All that there are, none of them empty.

        Raises:
            StoreUnavailableError: the store can't be asked.
        """
        with store_errors():
            rows = self._session.rows(_PAGES, {"size": self._page, "partition": self._partition})
        return [Page(str(edge), int(page), int(calls), int(last)) for edge, page, calls, last in rows]

    def calls(self, pages: Collection[Page]) -> Iterator[list[Call]]:
        """The calls of each page. They hold what `keys_of` and `fact_of` look at, and nothing else.

        Raises:
            StoreUnavailableError: the store can't be asked.
        """
        for page in pages:
            first = page.number * self._page
            values = {"partition": self._partition, "edge": page.edge_id, "first": first, "last": page.last}
            with store_errors():
                rows = self._session.rows(_CALLS, values)
            yield [_call(row) for row in rows]


def _call(row: Sequence[Any]) -> Call:
    *plain, outcome, statuses, received_at_us, ended_at_us = row
    return Call.model_construct(
        **dict(zip(_PLAIN, plain, strict=True)),
        outcome=Outcome(outcome),
        attempts=tuple(
            Attempt.model_construct(provider="", status=status, started_at_us=0) for status in statuses
        ),
        received_at_us=received_at_us,
        ended_at_us=ended_at_us,
    )


def _attempt(status: int) -> Attempt:
    return Attempt.model_construct(provider="", status=status, started_at_us=0)
