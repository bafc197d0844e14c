"""Parameters of a query: `{name:Type}` in its text, values as JSON."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tallygate.analytics.sql.errors import QueryError
from tallygate.analytics.sql.text import Prepared

MAX_PARAMETERS = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECLARED = re.compile(r"\{(?P<before>\s*)(?P<name>\w+)(?P<after>\s*):\s*(?P<type>[^}]*?)\s*\}")
_TYPES = """
Int8 Int16 Int32 Int64 Int128 Int256 UInt8 UInt16 UInt32 UInt64 UInt128 UInt256 Float32 Float64 Bool String
FixedString UUID Date Date32 DateTime DateTime64 Decimal Decimal32 Decimal64 Decimal128 Decimal256 IPv4 IPv6
Array Nullable LowCardinality
"""
_TYPE_WORDS = frozenset(_TYPES.split())


class Parameter(NamedTuple):
    """A parameter as the query declares it."""

    name: str
    type: str
    position: int


def bind(query: Prepared, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check a query's own parameters, and return them as they are sent.

    Raises:
        QueryError: one is missing, unknown, or of a type or name that is not allowed.
    """
    declared = _declared(query)
    for name in values:
        if name not in declared:
            raise QueryError("unknown_parameter", f"the query has no parameter {{{name}:Type}}")
    sent: dict[str, Any] = {}
    for name, parameter in declared.items():
        if name not in values:
            message = f"the parameter {name} has no value"
            raise QueryError("missing_parameter", message, position=parameter.position)
        sent[name] = _value(parameter, values[name])
    return sent


def _declared(query: Prepared) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for match in _DECLARED.finditer(query.code):
        parameter = Parameter(match["name"], match["type"], match.start())
        if not _NAME.fullmatch(parameter.name) or parameter.name.lower().startswith("tallygate"):
            raise _bad(parameter, f"a parameter can't be called {parameter.name}")
        if match["before"] or match["after"]:
            raise _bad(parameter, f"write {{{parameter.name}:Type}}, without blanks before the colon")
        words = re.findall(r"[A-Za-z_]\w*", parameter.type)
        unknown = [word for word in words if word not in _TYPE_WORDS]
        if unknown or not words:
            raise _bad(
                parameter, f"a parameter can't have the type {unknown[0] if unknown else parameter.type}"
            )
        found.setdefault(parameter.name, parameter)
    if len(found) > MAX_PARAMETERS:
        raise QueryError("bad_parameter", f"a query has at most {MAX_PARAMETERS} parameters")
    return found


def _bad(parameter: Parameter, message: str) -> QueryError:
    return QueryError("bad_parameter", message, position=parameter.position)


def _value(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, str) and parameter.type.startswith("DateTime"):
        return _time(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list):
        return [_value(parameter, item) for item in value]
    raise _bad(
        parameter, f"the parameter {parameter.name} takes a text, a number, true, false, null or a list"
    )


def _time(text: str) -> str:
    """ISO 8601 as ClickHouse reads it; what is not ISO is left to ClickHouse to refuse."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    if time.tzinfo is None:
        return text.replace("T", " ")
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
