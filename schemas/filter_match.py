"""Filters over records, in Python: for what is judged as it happens. Equal to `where` in ClickHouse."""

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from tallygate.schemas.filter_fields import Field, Kind, field_of
from tallygate.schemas.filters import And, AnyNode, Condition, Not, Op, compiled
from tallygate.schemas.records import Call

Matcher: TypeAlias = Callable[[Call], bool]
_Test: TypeAlias = Callable[[Any], bool]


def matches(filter_: AnyNode, call: Call) -> bool:
    """Whether a call is meant by a filter; for many calls make a `matcher` once."""
    return matcher(filter_)(call)


def matcher(filter_: AnyNode) -> Matcher:
    """A filter as a function. Its time is linear in the length of the call's texts, whatever the regex."""
    if isinstance(filter_, Condition):
        return _condition(filter_)
    if isinstance(filter_, Not):
        inner = matcher(filter_.not_)
        return lambda call: not inner(call)
    combine = all if isinstance(filter_, And) else any
    parts = [matcher(part) for part in (filter_.and_ if isinstance(filter_, And) else filter_.or_)]
    return lambda call: combine(part(call) for part in parts)


def _condition(condition: Condition) -> Matcher:
    field = field_of(condition.field)
    if field is None:
        raise ValueError(f"there is no field {condition.field}")
    read = field.read
    if condition.op is Op.EXISTS:
        there = _is_there(field)
        return lambda call: there(read(call)) is condition.operand
    negated = condition.op in (Op.NE, Op.NOT_IN)
    test = _test(condition.op, condition.operand)

    def holds(call: Call) -> bool:
        value = read(call)
        return (value is not None and test(value)) is not negated

    return holds


def _is_there(field: Field) -> _Test:
    if field.kind is Kind.TEXT:
        return bool
    return lambda value: value is not None


def _test(op: Op, operand: Any) -> _Test:
    """Whether a value that is there compares so; of `ne` and `not_in` the opposite."""
    if op in (Op.IN, Op.NOT_IN):
        wanted = frozenset(operand)
        return lambda value: value in wanted
    if op is Op.REGEX:
        search = compiled(operand).search
        return lambda value: search(value.encode("utf-8", "replace")) is not None
    compare = _COMPARE[op]
    return lambda value: compare(value, operand)


_COMPARE: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.eq,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.CONTAINS: operator.contains,
    Op.STARTS_WITH: str.startswith,
}
