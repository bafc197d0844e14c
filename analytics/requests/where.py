"""A filter tree as a condition over the view `calls`. Equal to `schemas.filter_match` in Python.

Every part is 0 or 1 and never NULL, so that NOT is the opposite: what a call does not have makes a condition
false first.
"""

from itertools import count

from tallygate.analytics.requests.clause import Clause, joined
from tallygate.schemas.filter_fields import Field, Kind, field_of
from tallygate.schemas.filters import LIST_OPS, And, AnyNode, Condition, Not, Op, Operand
from tallygate.schemas.times import text_of

_TYPES = {
    Kind.TEXT: "String",
    Kind.PROPERTY: "String",
    Kind.INTEGER: "Int64",
    Kind.USD: "Int64",
    Kind.MILLISECONDS: "Float64",
    Kind.TIME: "DateTime64(6, 'UTC')",
    Kind.FLAG: "Bool",
}
_COMPARISONS = {
    Op.EQ: "{left} = {right}",
    Op.NE: "{left} = {right}",
    Op.IN: "{left} IN {right}",
    Op.NOT_IN: "{left} IN {right}",
    Op.LT: "{left} < {right}",
    Op.LTE: "{left} <= {right}",
    Op.GT: "{left} > {right}",
    Op.GTE: "{left} >= {right}",
    Op.CONTAINS: "position({left}, {right}) > 0",
    Op.STARTS_WITH: "startsWith({left}, {right})",
    Op.REGEX: "match({left}, {right})",
}


def where(filter_: AnyNode, prefix: str = "w") -> Clause:
    """The condition; its parameters are called `<prefix>0`, `<prefix>1` …"""
    return _Writer(prefix).node(filter_)


class _Writer:
    """Gives each value a parameter of its own."""

    def __init__(self, prefix: str) -> None:
        self._names = (f"{prefix}{number}" for number in count())

    def node(self, node: AnyNode) -> Clause:
        if isinstance(node, Condition):
            return self._condition(node)
        if isinstance(node, Not):
            inner = self.node(node.not_)
            return Clause(f"NOT {inner.sql}", inner.values)
        if isinstance(node, And):
            return joined("AND", [self.node(part) for part in node.and_])
        return joined("OR", [self.node(part) for part in node.or_])

    def _condition(self, condition: Condition) -> Clause:
        field = field_of(condition.field)
        if field is None:
            raise ValueError(f"there is no field {condition.field}")
        if field.kind is Kind.PROPERTY:
            return self._property(field, condition)
        if condition.op is Op.EXISTS:
            there = f"{field.column} != ''" if field.kind is Kind.TEXT else f"isNotNull({field.column})"
            return Clause(f"({there})" if condition.operand else f"NOT ({there})", {})
        compared = self._compared(field.column, field, condition)
        if field.nullable:
            compared = compared._replace(sql=f"ifNull({compared.sql}, 0)")
        return _signed(condition, compared)

    def _property(self, field: Field, condition: Condition) -> Clause:
        """`has` alone is answered by the skip indexes; the exact test is made on what they leave."""
        name = next(self._names)
        there = f"mapContains(properties, {{{name}:String}})"
        if condition.op is Op.EXISTS:
            return Clause(f"({there})" if condition.operand else f"NOT ({there})", {name: field.column})
        compared = self._compared(f"properties[{{{name}:String}}]", field, condition)
        parts = [Clause(there, {name: field.column}), compared]
        value = next(iter(compared.values))
        if condition.op in (Op.EQ, Op.NE):
            parts.insert(0, Clause(f"has(mapValues(properties), {{{value}:String}})", {}))
        elif condition.op in LIST_OPS:
            parts.insert(0, Clause(f"hasAny(mapValues(properties), {{{value}:Array(String)}})", {}))
        return _signed(condition, joined("AND", parts))

    def _compared(self, left: str, field: Field, condition: Condition) -> Clause:
        name = next(self._names)
        operand = condition.operand
        type_ = _TYPES[field.kind]
        if isinstance(operand, tuple):
            type_ = f"Array({type_})"
        right = f"{{{name}:{type_}}}"
        sql = _COMPARISONS[condition.op].format(left=left, right=right)
        return Clause(f"({sql})", {name: _sent(field.kind, operand)})


def _signed(condition: Condition, clause: Clause) -> Clause:
    negated = condition.op in (Op.NE, Op.NOT_IN)
    return clause._replace(sql=f"NOT {clause.sql}") if negated else clause


def _sent(kind: Kind, operand: Operand) -> object:
    if kind is Kind.TIME:
        return text_of(int(operand)) if isinstance(operand, int) else operand
    return list(operand) if isinstance(operand, tuple) else operand
