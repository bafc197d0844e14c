"""Amounts as people give them, to whole numbers in a metric's unit. Exact, or refused."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, NamedTuple

from pydantic import Field

from tallygate.control.errors import InvalidError
from tallygate.schemas.rules import QUANTILE_METRICS, RATIO_METRICS

Whole = Annotated[int, Field(ge=0, lt=2**63)]
Usd = Annotated[Decimal, Field(ge=0, lt=9_000_000_000, decimal_places=9)]
Milliseconds = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=3)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4)]


class _Unit(NamedTuple):
    metrics: frozenset[str]
    scale: int
    """How many of the metric's units it is."""


_UNITS = {
    "usd": _Unit(frozenset({"cost"}), 10**9),
    "ms": _Unit(QUANTILE_METRICS, 1000),
    "percent": _Unit(RATIO_METRICS, 10_000),
}


def amount(name: str, metric: str, given: Mapping[str, int | Decimal | None]) -> int | None:
    """What is given for `name` under its own name, or with `_usd`, `_ms` or `_percent` behind it, in the
    metric's unit; None if it isn't.

    Raises:
        InvalidError: it is given twice, or in a unit that the metric hasn't.
    """
    found = {param: value for param in _params(name) if (value := given.get(param)) is not None}
    if not found:
        return None
    if len(found) > 1:
        raise InvalidError(f"give only one of {' and '.join(found)}", name)
    ((param, value),) = found.items()
    unit = param.removeprefix(name).removeprefix("_")
    if unit and metric not in _UNITS[unit].metrics:
        raise InvalidError(f"{metric} is not measured in that: give {fitting(name, metric)}", param)
    scaled = int(value * (_UNITS[unit].scale if unit else 1))
    if not unit and metric in RATIO_METRICS and scaled > 10**6:
        raise InvalidError("is in parts per million: at most 1000000", name)
    return scaled


def fitting(name: str, metric: str) -> str:
    """The parameters by which an amount of a metric can be given, in words."""
    units = [f"{name}_{unit}" for unit, (metrics, _) in _UNITS.items() if metric in metrics]
    return " or ".join([*units, name])


def _params(name: str) -> list[str]:
    return [name, *(f"{name}_{unit}" for unit in _UNITS)]


def shown(metric: str, value: int) -> str:
    """An amount of a metric for people: `$50`, `1500 ms`, `2.5 %`, or a bare number."""
    if metric == "cost":
        return f"${_plain(Decimal(value) / 10**9)}"
    if metric in QUANTILE_METRICS:
        return f"{_plain(Decimal(value) / 1000)} ms"
    if metric in RATIO_METRICS:
        return f"{_plain(Decimal(value) / 10_000)} %"
    return str(value)


def _plain(value: Decimal) -> str:
    """Without exponent, nor zeros at the end."""
    return f"{value.normalize():f}"
