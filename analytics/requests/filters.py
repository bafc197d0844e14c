"""Which calls: the filters that `/requests` and `/usage` share."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.invalid import first_mistake
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.where import where
from tallygate.schemas.call import Outcome
from tallygate.schemas.filter_fields import MAX_PROPERTY_CHARS, PROPERTY_PREFIX, field_of
from tallygate.schemas.filters import And, AnyNode, Condition, Filter, Op, Or
from tallygate.schemas.times import parse_time_us, text_of

Pairs = Sequence[tuple[str, str]]
"""A query string, taken apart, in its order."""

MAX_CHARS = 1024
MAX_FILTERS = 64
_TEXT_COLUMNS = {
    "model": "model",
    "provider": "provider",
    "user": "user_id",
    "session": "session_id",
    "key": "key_id",
    "endpoint": "endpoint",
}
NAMES = frozenset({*_TEXT_COLUMNS, "from", "to", "status", "outcome", "filter"})
MAX_TREE_CHARS = 8192
_TREE: TypeAdapter[AnyNode] = TypeAdapter(Filter)


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
        longest = MAX_TREE_CHARS if name == "filter" else MAX_CHARS
        if len(value) > longest:
            raise bad_parameter(name, f"is longer than {longest} characters")
        # Names of properties are compared without case: these are one name.
        key = name.lower() if name.startswith(PROPERTY_PREFIX) else name
        texts.setdefault(key, []).append(value)
    if sum(map(len, texts.values())) > MAX_FILTERS:
        raise bad_parameter("filters", f"are more than {MAX_FILTERS}")
    from_us, to_us = _time(texts, "from"), _time(texts, "to")
    if from_us is not None and to_us is not None and from_us > to_us:
        raise bad_parameter("from", "is later than `to`")
    nodes = [_node(name, values) for name, values in texts.items() if name not in ("from", "to", "filter")]
    nodes += [_tree(text) for text in texts.get("filter", [])]
    return Filters(tuple(_clauses(nodes)), from_us, to_us)


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


def _clauses(nodes: Sequence[AnyNode]) -> Iterator[Clause]:
    for index, node in enumerate(nodes):
        yield where(node, f"f{index}_")


def _node(name: str, values: list[str]) -> AnyNode:
    """The filter that a parameter's values are: alternatives."""
    if name == "status":
        return Or.model_validate({"or": [_status(value) for value in values]})
    if name == "outcome":
        return Condition(field=name, op=Op.IN, value=[_outcome(value) for value in values])
    if name.startswith(PROPERTY_PREFIX) and field_of(name) is None:
        raise bad_parameter(name, f"a property's name has 1 to {MAX_PROPERTY_CHARS} characters")
    if any("\0" in value for value in values):
        raise bad_parameter(name, "has a character that no text is searched for")
    return Condition(field=_TEXT_COLUMNS.get(name, name), op=Op.IN, value=values)


def _tree(text: str) -> AnyNode:
    """A filter tree in a query string: its JSON."""
    try:
        return _TREE.validate_python(json.loads(text))
    except ValidationError as error:
        path, message = first_mistake(error)
        raise bad_parameter("filter" + (path and f".{path}"), message) from error
    except (ValueError, RecursionError) as error:
        raise bad_parameter("filter", "is not JSON") from error


def _outcome(value: str) -> str:
    try:
        return Outcome(value).value
    except ValueError as error:
        known = ", ".join(outcome.value for outcome in Outcome)
        raise bad_parameter("outcome", f"is not one of {known}") from error


def _status(value: str) -> AnyNode:
    lowered = value.lower()
    if len(lowered) == 3 and lowered.isascii() and lowered[0].isdigit():
        if lowered[1:] == "xx":
            low = int(lowered[0]) * 100
            bounds = [_is_status(Op.GTE, low), _is_status(Op.LTE, low + 99)]
            return And.model_validate({"and": bounds})
        if lowered.isdigit():
            return _is_status(Op.EQ, int(lowered))
    if lowered == "0":
        return _is_status(Op.EQ, 0)
    raise bad_parameter("status", "is neither a status as 429 nor a class as 4xx")


def _is_status(op: Op, status: int) -> Condition:
    return Condition(field="status", op=op, value=status)
