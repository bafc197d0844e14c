"""Which calls: a tree of conditions, the same in queries, alert rules and saved views.

    {"and": [{"field": "model", "op": "eq", "value": "gpt-4o"},
             {"not": {"field": "property.Env", "op": "in", "value": ["dev", "test"]}}]}

A condition on what a call does not have (a property, a cost, a first byte) is false, except for `ne` and
`not_in`, which are the opposite of `eq` and `in`. Texts are compared with their case. Evaluated by
`filter_match` over records, and by `analytics.requests.where` in ClickHouse; a test holds the two together.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from tallygate.schemas.filter_fields import FIELDS, Kind, field_of
from tallygate.schemas.times import parse_time_us

MAX_DEPTH = 16
MAX_CONDITIONS = 200
MAX_VALUES = 1000
MAX_CHARS = 1024
MAX_PATTERN_CHARS = 512
_MAX_INTEGER = 2**63 - 1
_USD_DECIMALS = 9


class Op(StrEnum):
    """How a field is compared."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    REGEX = "regex"
    EXISTS = "exists"


LIST_OPS = frozenset({Op.IN, Op.NOT_IN})
_ORDER = frozenset({Op.LT, Op.LTE, Op.GT, Op.GTE})
_EQUALITY = frozenset({Op.EQ, Op.NE, *LIST_OPS})
_TEXT_OPS = _EQUALITY | {Op.CONTAINS, Op.STARTS_WITH, Op.REGEX, Op.EXISTS}
_OPS: dict[Kind, frozenset[Op]] = {
    Kind.TEXT: _TEXT_OPS,
    Kind.PROPERTY: _TEXT_OPS,
    Kind.INTEGER: _EQUALITY | _ORDER,
    Kind.USD: _EQUALITY | _ORDER,
    Kind.MILLISECONDS: _EQUALITY | _ORDER,
    Kind.TIME: _ORDER,
    Kind.FLAG: frozenset({Op.EQ, Op.NE}),
}

Scalar: TypeAlias = str | int | float | bool
Operand: TypeAlias = Scalar | tuple[Scalar, ...]

_VALUE_SCHEMA = {
    "description": "A text, number, flag or ISO 8601 time as the field has; a list for `in` and `not_in`; "
    "for `exists` true (the default) or false.",
    "anyOf": [
        {"type": "string", "maxLength": MAX_CHARS},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1, "maxItems": MAX_VALUES},
        {"type": "null"},
    ],
}


class _FilterModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, serialize_by_alias=True)


class Condition(_FilterModel):
    """One comparison of one field."""

    field: Annotated[str, Field(max_length=128, examples=["model", "cost_usd", "property.Env"])]
    """A column of the view `calls`, or `property.<name>`, whose name is compared without case."""
    op: Op
    value: Annotated[Any, WithJsonSchema(_VALUE_SCHEMA), Field(validate_default=True)] = None

    @field_validator("field")
    @classmethod
    def _known(cls, name: str) -> str:
        if field_of(name) is None:
            known = ", ".join(FIELDS)
            raise _mistake(f"is none of {known} or property.<name> with a name of 1 to 64 characters")
        return name

    @field_validator("op")
    @classmethod
    def _fitting(cls, op: Op, info: ValidationInfo) -> Op:
        field = field_of(info.data.get("field", ""))
        if field is None:
            return op
        fitting = _OPS[field.kind] | ({Op.EXISTS} if field.nullable else set())
        if op not in fitting:
            names = ", ".join(each for each in Op if each in fitting)
            raise _mistake(f"{info.data['field']} takes {names}")
        return op

    @field_validator("value")
    @classmethod
    def _typed(cls, value: Any, info: ValidationInfo) -> Any:
        value = tuple(value) if isinstance(value, list) else value
        if "field" in info.data and "op" in info.data:
            try:
                _operand(info.data["field"], info.data["op"], value)
            except ValueError as error:
                raise _mistake(str(error)) from error
        return value

    @property
    def operand(self) -> Operand:
        """The value as the field's column has it: see `filter_fields.Field`."""
        return _operand(self.field, self.op, self.value)


def _kind_of(value: Any) -> str:
    """Which of the models an object is; the names are left out of the paths of errors."""
    for name, model in (("and", And), ("or", Or), ("not", Not)):
        if isinstance(value, model) or (isinstance(value, dict) and name in value):
            return f"?{name}"
    return "?is"


class And(_FilterModel):
    """All of these hold."""

    and_: Annotated["tuple[_Node, ...]", Field(alias="and", min_length=1)]


class Or(_FilterModel):
    """At least one of these holds."""

    or_: Annotated["tuple[_Node, ...]", Field(alias="or", min_length=1)]


class Not(_FilterModel):
    """This does not hold."""

    not_: Annotated["_Node", Field(alias="not")]


_Node: TypeAlias = Annotated[
    Annotated[And, Tag("?and")]
    | Annotated[Or, Tag("?or")]
    | Annotated[Not, Tag("?not")]
    | Annotated[Condition, Tag("?is")],
    Discriminator(_kind_of),
]


AnyNode: TypeAlias = And | Or | Not | Condition


def _bounded(filter_: AnyNode) -> AnyNode:
    depths = [depth for depth, _ in _conditions(filter_, 1)]
    if max(depths) > MAX_DEPTH:
        raise _mistake(f"is nested more than {MAX_DEPTH} deep")
    if len(depths) > MAX_CONDITIONS:
        raise _mistake(f"has more than {MAX_CONDITIONS} conditions")
    return filter_


def _conditions(node: AnyNode, depth: int) -> Iterator[tuple[int, Condition]]:
    if isinstance(node, Condition):
        yield depth, node
        return
    below = node.and_ if isinstance(node, And) else node.or_ if isinstance(node, Or) else (node.not_,)
    for each in below:
        yield from _conditions(each, depth + 1)


Filter: TypeAlias = Annotated[_Node, AfterValidator(_bounded)]
"""A field of this type takes a tree, and refuses with the path of what is wrong: see `path_of`."""

And.model_rebuild()
Or.model_rebuild()
Not.model_rebuild()


def conditions(filter_: AnyNode) -> Iterator[Condition]:
    """Every condition of a tree."""
    for _, condition in _conditions(filter_, 1):
        yield condition


def path_of(location: tuple[int | str, ...]) -> str:
    """The location of a pydantic error as a path in what was sent: `filter.and[0].value`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("?"):
            path += f".{part}" if path else part
    return path


def compiled(pattern: str) -> "re2._Regexp[bytes]":
    """A regular expression as ClickHouse's `match` reads it: RE2, and `.` is any character.

    Raises:
        ValueError: it is none.
    """
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"is no regular expression (RE2): {text}") from error


def _mistake(message: str) -> PydanticCustomError:
    # The message is a value and not the template: it may have braces.
    return PydanticCustomError("bad_filter", "{message}", {"message": message})


def _operand(name: str, op: Op, value: Any) -> Operand:
    field = field_of(name)
    if field is None:
        raise ValueError(f"there is no field {name}")
    if op is Op.EXISTS:
        return _exists(value)
    if op in LIST_OPS:
        if not isinstance(value, tuple) or not 1 <= len(value) <= MAX_VALUES:
            raise ValueError(f"takes a list of 1 to {MAX_VALUES} values with {op}")
        return tuple(_scalar(field.kind, each) for each in value)
    scalar = _scalar(field.kind, value)
    if op is Op.REGEX:
        _pattern(str(scalar))
    elif op in (Op.CONTAINS, Op.STARTS_WITH) and not scalar:
        raise ValueError("is empty, which every text contains")
    return scalar


def _exists(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    raise ValueError("takes true or false with exists")


def _pattern(text: str) -> None:
    if not 1 <= len(text) <= MAX_PATTERN_CHARS:
        raise ValueError(f"a regular expression has 1 to {MAX_PATTERN_CHARS} characters")
    compiled(text)


def _scalar(kind: Kind, value: Any) -> Scalar:
    if kind in (Kind.TEXT, Kind.PROPERTY):
        return _text(value)
    if kind is Kind.FLAG:
        if not isinstance(value, bool):
            raise ValueError("takes true or false")
        return value
    if isinstance(value, bool):
        raise ValueError("takes a number or a time, not a flag")  # noqa: TRY004
    return {Kind.INTEGER: _integer, Kind.USD: _nanos, Kind.MILLISECONDS: _float, Kind.TIME: _time}[kind](
        value
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("takes a text")  # noqa: TRY004
    if len(value) > MAX_CHARS:
        raise ValueError(f"is longer than {MAX_CHARS} characters")
    if "\0" in value or not _is_utf8(value):
        raise ValueError("has characters that no text is searched for")
    return value


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _integer(value: Any) -> int:
    if not isinstance(value, int) or abs(value) > _MAX_INTEGER:
        raise ValueError("takes a whole number of at most 64 bits")
    return value


def _float(value: Any) -> float:
    if not isinstance(value, int | float) or not abs(value) <= _MAX_INTEGER:
        raise ValueError("takes a number")
    return float(value)


def _nanos(value: Any) -> int:
    """Dollars, as a number or as a text."""
    try:
        # By its shortest text: 0.1 is meant as a tenth, which no float is.
        usd = Decimal(str(value)) if isinstance(value, int | float | str) else Decimal("NaN")
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or abs(usd) > _MAX_INTEGER // 10**_USD_DECIMALS:
        raise ValueError("takes an amount in US dollars, as 0.05")
    nanos = usd.scaleb(_USD_DECIMALS)
    if nanos != int(nanos):
        raise ValueError(f"has more than {_USD_DECIMALS} decimals")
    return int(nanos)


def _time(value: Any) -> int:
    if not isinstance(value, int | str):
        raise ValueError("takes an ISO 8601 time, or a number of seconds")  # noqa: TRY004
    return parse_time_us(str(value))
