"""Records as columns of ClickHouse. Pure.

What the schema of the records allows and ClickHouse's types do not (a time after 2299, a lone surrogate) is
brought into range: a strange record must not stop the stream, as its batch would be refused for ever.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

from tallygate.schemas.call import CallContext
from tallygate.schemas.events import RequestEvent
from tallygate.schemas.model import Record
from tallygate.schemas.records import Alert, Call
from tallygate.stream_processors.store import Placed

R = TypeVar("R", bound=Record)

TEXT = "String"
LOW = "LowCardinality(String)"
TIME = "DateTime64(6, 'UTC')"
MAP = "Map(LowCardinality(String), String)"
NAMES = "Array(LowCardinality(String))"
COUNT = "UInt64"
MONEY = "Nullable(Int64)"
FLAG = "Bool"

MAX_TIME_US = 10_413_791_999_999_999
"""2299-12-31 23:59:59.999999 UTC, the last of `DateTime64`."""
MAX_COUNT = 2**63 - 1


class Column(NamedTuple, Generic[R]):
    """A column of a table, and how to get its values."""

    name: str
    type: str
    values: Callable[[Sequence[R]], list[Any]]


class Block(NamedTuple):
    """Columns to insert in one go."""

    names: list[str]
    types: list[str]
    columns: list[list[Any]]


def call_block(partition: int, calls: Sequence[Placed[Call]]) -> Block:
    """Calls as a block of `call_log`."""
    return block_of(CALL_COLUMNS, partition, calls)


def request_block(partition: int, requests: Sequence[Placed[RequestEvent]]) -> Block:
    """Request events as a block of `request_log`."""
    return block_of(REQUEST_COLUMNS, partition, requests)


def alert_block(alerts: Sequence[Alert]) -> Block:
    """Alerts as a block of `alert_log`."""
    names = [column.name for column in ALERT_COLUMNS]
    types = [column.type for column in ALERT_COLUMNS]
    return Block(names, types, [column.values(alerts) for column in ALERT_COLUMNS])


class Bounds(NamedTuple):
    """How much goes into one insert."""

    rows: int
    chars: int


def runs(
    placed: Sequence[Placed[R]], time_us: Callable[[R], int], chars: Callable[[R], int], bounds: Bounds
) -> Iterator[Sequence[Placed[R]]]:
    """Cut records, in their order, into runs of one month within the bounds; each goes into one block."""
    start = 0
    size = 0
    month: tuple[int, int] | None = None
    for index, item in enumerate(placed):
        own_month, own_size = month_of(time_us(item.record)), chars(item.record)
        full = index - start >= bounds.rows or size + own_size > bounds.chars
        if index > start and (own_month != month or full):
            yield placed[start:index]
            start, size = index, 0
        month = own_month
        size += own_size
    if start < len(placed):
        yield placed[start:]


def body_chars(call: Call) -> int:
    """Length of a call's bodies, which are nearly all of its row."""
    return len(call.prompt) + len(call.response)


def no_chars(_event: RequestEvent) -> int:
    """A request event has no body."""
    return 0


def call_time_us(call: Call) -> int:
    """The time that `call_log` is partitioned by."""
    return _clamped(call.ended_at_us, MAX_TIME_US)


def request_time_us(event: RequestEvent) -> int:
    """The time that `request_log` is partitioned by."""
    return _clamped(event.received_at_us, MAX_TIME_US)


def month_of(time_us: int) -> tuple[int, int]:
    """Year and month of a time, UTC.

    Days to civil date as in Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": a third of the
    cost of a `datetime`.
    """
    day = time_us // 86_400_000_000 + 719_468
    era, day_of_era = divmod(day, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month


def block_of(columns: Sequence[Column[R]], partition: int, placed: Sequence[Placed[R]]) -> Block:
    """Records as a block of some columns, and where they come from."""
    records = [item.record for item in placed]
    names = [column.name for column in columns]
    types = [column.type for column in columns]
    values = [column.values(records) for column in columns]
    names += ["source_partition", "source_offset"]
    types += ["UInt32", COUNT]
    values += [[partition] * len(placed), [item.offset for item in placed]]
    return Block(names, types, values)


def _clamped(value: int, highest: int) -> int:
    return value if value <= highest else highest


def _clean(text: str) -> str:
    """The text, with lone surrogates replaced: they have no UTF-8."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _cleaned(texts: list[str]) -> list[str]:
    # Nearly all columns are ASCII, which has no surrogates: that is seen without a loop in Python.
    return texts if all(map(str.isascii, texts)) else [_clean(text) for text in texts]


def _cleaned_map(texts: dict[str, str]) -> dict[str, str]:
    if "".join(texts).isascii() and "".join(texts.values()).isascii():
        return texts
    return {_clean(key): _clean(value) for key, value in texts.items()}


def _bounded(values: list[Any], highest: int) -> list[Any]:
    return [value if value is None or value <= highest else highest for value in values]


def _plain(name: str, type_: str, path: str = "") -> Column[Any]:
    get = attrgetter(path or name)
    return Column(name, type_, lambda records: list(map(get, records)))


def _text(name: str, type_: str = TEXT, path: str = "") -> Column[Any]:
    get = attrgetter(path or name)
    return Column(name, type_, lambda records: _cleaned(list(map(get, records))))


def _map(name: str) -> Column[Any]:
    get = attrgetter(name)
    return Column(name, MAP, lambda records: [_cleaned_map(get(record)) for record in records])


def _properties() -> tuple[Column[Any], Column[Any]]:
    """Properties by their names in lower case, and the names as sent, in the same order.

    Names are compared without case (they come as HTTP headers, and many clients send those in lower case).
    """

    # Of names that differ in case only, the last one counts.
    def by_name(records: Sequence[CallContext]) -> list[dict[str, str]]:
        return [
            {name.lower(): value for name, value in _cleaned_map(record.properties).items()}
            for record in records
        ]

    def names(records: Sequence[CallContext]) -> list[list[str]]:
        return [
            list({name.lower(): name for name in _cleaned_map(record.properties)}.values())
            for record in records
        ]

    return Column("properties", MAP, by_name), Column("property_names", NAMES, names)


def _time(name: str) -> Column[Any]:
    get = attrgetter(f"{name}_us")
    return Column(name, TIME, lambda records: _bounded(list(map(get, records)), MAX_TIME_US))


def _number(name: str, type_: str, path: str = "") -> Column[Any]:
    get = attrgetter(path or name)
    return Column(name, type_, lambda records: _bounded(list(map(get, records)), MAX_COUNT))


def _tries(name: str, type_: str, of: Callable[[list[Any]], list[Any]], path: str = "") -> Column[Any]:
    """A column of the nested table of attempts."""
    get = attrgetter(path or name)

    def values(records: Sequence[Any]) -> list[list[Any]]:
        return [of(list(map(get, record.attempts))) for record in records]

    return Column(f"attempt.{name}", f"Array({type_})", values)


def _as_counts(values: list[Any]) -> list[Any]:
    return _bounded(values, MAX_COUNT)


def _as_times(values: list[Any]) -> list[Any]:
    return _bounded(values, MAX_TIME_US)


_CONTEXT: tuple[Column[Any], ...] = (
    _text("project", LOW),
    _time("received_at"),
    _text("request_id"),
    _text("user_id"),
    _text("key_id", LOW),
    _text("session_id"),
    _text("session_name", LOW),
    _text("session_path", LOW),
    _text("prompt_id", LOW),
    _text("prompt_version", LOW),
    *_properties(),
    _text("method", LOW),
    _text("path"),
    _text("endpoint", LOW),
    _text("model_requested", LOW),
    _plain("stream", FLAG),
    _text("origin_edge", LOW, "origin.edge_id"),
    _plain("origin_seq", COUNT, "origin.seq"),
)

CALL_COLUMNS: tuple[Column[Call], ...] = (
    *_CONTEXT,
    _time("ended_at"),
    _text("model", LOW),
    _text("provider", LOW),
    _text("provider_request_id"),
    _plain("status", "UInt16"),
    _plain("outcome", LOW),
    _text("error_code", LOW),
    _text("error_message"),
    _plain("input_tokens", COUNT),
    _plain("output_tokens", COUNT),
    _plain("cached_input_tokens", COUNT),
    _plain("cache_write_tokens", COUNT),
    _plain("reasoning_tokens", COUNT),
    _plain("input_audio_tokens", COUNT),
    _plain("output_audio_tokens", COUNT),
    _plain("token_source", LOW),
    _plain("priced", FLAG),
    _plain("cost_nanos", MONEY),
    _plain("input_cost_nanos", MONEY),
    _plain("output_cost_nanos", MONEY),
    _plain("cache_saved_nanos", MONEY),
    _text("price_ref", LOW),
    _text("service_tier", LOW),
    _number("latency_us", COUNT),
    _number("ttft_us", "Nullable(UInt64)"),
    _plain("cache", LOW),
    _tries("provider", LOW, _cleaned),
    _tries("model", LOW, _cleaned),
    _tries("status", "UInt16", list),
    _tries("error", LOW, _cleaned),
    _tries("started_at", TIME, _as_times, "started_at_us"),
    _tries("latency_us", COUNT, _as_counts),
    _tries("delay_us", COUNT, _as_counts),
    _map("rate_limit"),
    _text("prompt"),
    _text("response"),
    _plain("prompt_bytes", COUNT),
    _plain("response_bytes", COUNT),
    _plain("prompt_truncated", FLAG),
    _plain("response_truncated", FLAG),
)

REQUEST_COLUMNS: tuple[Column[RequestEvent], ...] = (*_CONTEXT, _plain("request_bytes", "Nullable(UInt64)"))

ALERT_COLUMNS: tuple[Column[Alert], ...] = (
    _text("project", LOW),
    _time("raised_at"),
    _text("alert_id"),
    _text("rule_id", LOW, "budget_id"),
    _text("name", LOW),
    _plain("state", LOW),
    _plain("kind", LOW),
    _text("metric", LOW),
    _plain("direction", LOW),
    _plain("action", LOW),
    _text("group_by", LOW),
    _text("group_value", TEXT, "group"),
    _time("period_start"),
    _time("period_end"),
    _text("time_window", LOW, "window"),
    _text("time_zone", LOW),
    _number("threshold", "Int64"),
    _plain("threshold_percent", "UInt32"),
    _number("limit_value", "Nullable(Int64)", "limit"),
    _number("value", "Int64"),
    _number("projected", "Nullable(Int64)"),
    _number("baseline", "Nullable(Int64)"),
    _plain("requests", COUNT),
    _plain("notify", FLAG),
    _text("resolves"),
)
