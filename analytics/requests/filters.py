"""Which calls: the filters that `/requests` and `/usage` share."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.requests.times import parse_time_us, text_of
from tallygate.schemas.call import Outcome

Pairs = Sequence[tuple[str, str]]
"""A query string, taken apart, in its order."""

PROPERTY_PREFIX = "property."
MAX_CHARS = 1024
MAX_FILTERS = 64
MAX_PROPERTY_CHARS = 64
_TEXT_COLUMNS = {
    "model": "model",
    "provider": "provider",
    "user": "user_id",
    "session": "session_id",
    "key": "key_id",
    "endpoint": "endpoint",
}
NAMES = frozenset({*_TEXT_COLUMNS, "from", "to", "status", "outcome"})


class Clause(NamedTuple):
    """A part of a WHERE, with the values of its parameters."""

    sql: str
    values: dict[str, Any]


class Filters(NamedTuple):
    """What a query string asks for."""

    clauses: tuple[Clause, ...]
    from_us: int | None
    to_us: int | None


def parse_filters(pairs: Pairs) -> Filters:
    """Read the filters; several of one name are alternatives, except for times.

    Raises:
        RequestError: 400 that names the parameter.
    """
    texts: dict[str, list[str]] = {}
    for name, value in pairs:
        if not is_filter(name):
            continue
        if len(value) > MAX_CHARS:
            raise bad_parameter(name, f"is longer than {MAX_CHARS} characters")
        # Names of properties are compared without case: these are one name.
        key = name.lower() if name.startswith(PROPERTY_PREFIX) else name
        texts.setdefault(key, []).append(value)
    if sum(map(len, texts.values())) > MAX_FILTERS:
        raise bad_parameter("filters", f"are more than {MAX_FILTERS}")
    from_us, to_us = _time(texts, "from"), _time(texts, "to")
    if from_us is not None and to_us is not None and from_us > to_us:
        raise bad_parameter("from", "is later than `to`")
    return Filters(tuple(_clauses(texts)), from_us, to_us)


def is_filter(name: str) -> bool:
    """Whether a query parameter is one of these."""
    return name in NAMES or name.startswith(PROPERTY_PREFIX)


def time_clauses(filters: Filters, column: str = "received_at") -> list[Clause]:
    """The filter on time, `to` excluded. `column` may be cut to hours or days if both times are."""
    clauses = []
    if filters.from_us is not None:
        clauses.append(
            Clause(f"{column} >= {{from:DateTime64(6, 'UTC')}}", {"from": text_of(filters.from_us)})
        )
    if filters.to_us is not None:
        clauses.append(Clause(f"{column} < {{to:DateTime64(6, 'UTC')}}", {"to": text_of(filters.to_us)}))
    return clauses


def _time(texts: dict[str, list[str]], name: str) -> int | None:
    values = texts.get(name, [])
    if len(values) > 1:
        raise bad_parameter(name, "is given more than once")
    try:
        return parse_time_us(values[0]) if values else None
    except ValueError as error:
        raise bad_parameter(name, str(error)) from error


def _clauses(texts: dict[str, list[str]]) -> Iterator[Clause]:
    for index, (name, values) in enumerate(texts.items()):
        if name in _TEXT_COLUMNS:
            key = f"f{index}"
            yield Clause(f"{_TEXT_COLUMNS[name]} IN {{{key}:Array(String)}}", {key: values})
        elif name == "outcome":
            yield Clause("outcome IN {outcomes:Array(String)}", {"outcomes": [_outcome(v) for v in values]})
        elif name == "status":
            yield _any([_status(value, f"s{n}") for n, value in enumerate(values)])
        elif name.startswith(PROPERTY_PREFIX):
            yield _any([_property(name, value, f"p{index}_{n}") for n, value in enumerate(values)])


def _any(clauses: list[Clause]) -> Clause:
    values = {key: value for clause in clauses for key, value in clause.values.items()}
    return Clause("(" + " OR ".join(clause.sql for clause in clauses) + ")", values)


def _outcome(value: str) -> str:
    try:
        return Outcome(value).value
    except ValueError as error:
        known = ", ".join(outcome.value for outcome in Outcome)
        raise bad_parameter("outcome", f"is not one of {known}") from error


def _status(value: str, key: str) -> Clause:
    lowered = value.lower()
    if len(lowered) == 3 and lowered.isascii() and lowered[0].isdigit():
        if lowered[1:] == "xx":
            low = int(lowered[0]) * 100
            return Clause(
                f"status BETWEEN {{{key}:UInt16}} AND {{{key}b:UInt16}}", {key: low, f"{key}b": low + 99}
            )
        if lowered.isdigit():
            return Clause(f"status = {{{key}:UInt16}}", {key: int(lowered)})
    if lowered == "0":
        return Clause("status = 0", {})
    raise bad_parameter("status", "is neither a status as 429 nor a class as 4xx")


def _property(name: str, value: str, key: str) -> Clause:
    """A property has the value; its name is compared without case.

    `has` alone is answered by the skip index over the values; the exact test is made on what that leaves.
    """
    property_name = name.removeprefix(PROPERTY_PREFIX)
    if not property_name or len(property_name) > MAX_PROPERTY_CHARS:
        raise bad_parameter(name, f"a property's name has 1 to {MAX_PROPERTY_CHARS} characters")
    return Clause(
        f"(has(mapValues(properties), {{{key}v:String}}) AND mapContains(properties, {{{key}n:String}})"
        f" AND properties[{{{key}n:String}}] = {{{key}v:String}})",
        {f"{key}n": property_name.lower(), f"{key}v": value},
    )
