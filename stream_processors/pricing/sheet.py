"""A model's prices, prepared for exact and fast arithmetic.

`genai-prices` says what a unit costs per so many of it, and how units contain each other (cached input is
input, audio is input, cached audio is both): what has a price of its own is taken out of what contains it.
The same is done here as there (`ModelPrice.calc_price`), but in integers: every price is a ratio of
integers, all are brought to one denominator, and a call's cost is one sum of products over it. Nothing is
rounded before the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import Any, NamedTuple

from genai_prices.data_units import unit_data
from genai_prices.types import ModelPrice, TieredPrices

from tallygate.stream_processors.pricing.usage import Counted, Counts

NANOS_PER_USD = 10**9


class NoPriceError(LookupError):
    """What was used can't be priced by this sheet."""


class Cost(NamedTuple):
    """A cost in nano-dollars, each figure rounded for itself, half to even.

    `input` and `output` leave out what is neither (searches, fees per request): their sum may be less than
    `total`, or differ from it by one nano-dollar.
    """

    total: int
    input: int
    output: int


@dataclass(frozen=True, slots=True)
class _Tier:
    above: int
    """In force if the input tokens are more than this; -1 for the base price."""
    rate: int


@dataclass(frozen=True, slots=True)
class _Term:
    """A unit that has a price."""

    key: str
    direction: str
    tiers: tuple[_Tier, ...]
    """Highest first."""
    inner: tuple[str, ...]
    """Priced units that this one contains."""
    implied_by: frozenset[str]
    """Units contained in this one: used, but this one not counted, means that the count is not known."""
    implied_by_both: tuple[tuple[str, str], ...]
    """Pairs of units whose overlap is this one: likewise."""


class Sheet:
    """Prices of one model at one time."""

    def __init__(self, prices: ModelPrice) -> None:
        priced = {key: price for key in _UNITS if (price := _price_of(prices, key)) is not None}
        self._denominator = lcm(1, *(d for key, price in priced.items() for _, d in _ratios(key, price)))
        order = sorted(priced, key=lambda key: -len(_DIMENSIONS[key]))
        self._terms = tuple(self._term(key, priced) for key in order)

    @property
    def empty(self) -> bool:
        """Whether it has no price at all."""
        return not self._terms

    def prices(self, key: str) -> bool:
        """Whether a unit has a price of its own."""
        return any(term.key == key for term in self._terms)

    @property
    def thresholds(self) -> frozenset[int]:
        """Input tokens of a call above which other prices are in force."""
        return frozenset(tier.above for term in self._terms for tier in term.tiers if tier.above >= 0)

    def cost(self, counts: Counts, *, tier_tokens: Counted | None = None) -> Cost:
        """Cost of what was used.

        Args:
            counts: of one call; or added up over calls (`requests` says over how many) of one tier.
            tier_tokens: what selects the tier, if that is not the input tokens of `counts`.

        Raises:
            NoPriceError: nothing of it has a price here, or the counts leave open what to charge.
        """
        threshold = counts.get("input_tokens", 0) if tier_tokens is None else tier_tokens
        leaves: dict[str, Counted] = {}
        sums: dict[str, Counted] = {"input": 0, "output": 0, "": 0}
        charged = False
        used = {key for key, count in counts.items() if count}
        for term in self._terms:
            whole = _count(term, counts, used)
            leaf = leaves[term.key] = whole - sum(leaves[key] for key in term.inner)
            if leaf < 0:
                raise NoPriceError(f"parts of {term.key} are more than the whole")
            if whole:
                charged = True
                sums[term.direction] += _rate(term, threshold) * leaf
        if used and not charged:
            raise NoPriceError("nothing that was used has a price")
        total = sums["input"] + sums["output"] + sums[""]
        return Cost(self._nanos(total), self._nanos(sums["input"]), self._nanos(sums["output"]))

    def worst(self, input_tokens: int, output_tokens: int) -> int:
        """Nano-dollars that no call of so many tokens costs more than: all at the highest price there is."""
        rates = {"input": 0, "output": 0, "fee": 0}
        for term in self._terms:
            kind = "fee" if term.key == "requests" else term.direction
            if kind == "fee" or (kind in rates and term.key.endswith("tokens")):
                rates[kind] = max(rates[kind], *(tier.rate for tier in term.tiers))
        numerator = rates["input"] * input_tokens + rates["output"] * output_tokens + rates["fee"]
        return -(-numerator // self._denominator)

    def _nanos(self, numerator: Counted) -> int:
        return round_half_even(numerator, self._denominator)

    def _term(self, key: str, priced: Mapping[str, Decimal | TieredPrices]) -> _Term:
        tiers = [
            _Tier(above, ratio[0] * (self._denominator // ratio[1]))
            for above, ratio in zip(_thresholds(priced[key]), _ratios(key, priced[key]), strict=True)
        ]
        inside = frozenset(other for other in _DIMENSIONS if _contains(key, other))
        return _Term(
            key=key,
            direction=_DIMENSIONS[key].get("direction", ""),
            tiers=tuple(reversed(tiers)),
            inner=tuple(other for other in priced if other in inside),
            implied_by=inside,
            implied_by_both=_OVERLAPS[key],
        )


def round_half_even(numerator: Counted, denominator: int) -> int:
    """The ratio as the nearest integer; of two equally near, the even one."""
    if isinstance(numerator, Fraction):
        numerator, denominator = numerator.numerator, denominator * numerator.denominator
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole % 2 == 1))


def _rate(term: _Term, input_tokens: Counted) -> int:
    """The rate in force: crossing a threshold moves all tokens to that tier's price."""
    for tier in term.tiers:
        if input_tokens > tier.above:
            return tier.rate
    raise AssertionError("the base price is always in force")


def _count(term: _Term, counts: Counts, used: set[str]) -> Counted:
    """How much of a unit was used, with what it contains; `used` are the units whose counts are not 0.

    Raises:
        NoPriceError: it is not counted, and what is counted shows that it was used.
    """
    if term.key == "requests":
        return counts.get("requests", 1)
    count = counts.get(term.key)
    if count is not None:
        return count
    if not term.implied_by.isdisjoint(used):
        raise NoPriceError(f"{term.key} is not counted, but a part of it is")
    if any(left in used and right in used for left, right in term.implied_by_both):
        raise NoPriceError(f"{term.key} is not counted, but may be in what is")
    return 0


def _price_of(prices: ModelPrice, key: str) -> Decimal | TieredPrices | None:
    price: Decimal | TieredPrices | None = getattr(prices, _UNITS[key]["price_key"])
    return price


def _thresholds(price: Decimal | TieredPrices) -> list[int]:
    return [-1, *(tier.start for tier in price.tiers)] if isinstance(price, TieredPrices) else [-1]


def _ratios(key: str, price: Decimal | TieredPrices) -> list[tuple[int, int]]:
    """Nano-dollars for one of a unit, as ratios: the base price's and each tier's."""
    decimals = [price.base, *(t.price for t in price.tiers)] if isinstance(price, TieredPrices) else [price]
    per: int = _UNITS[key]["per"]
    ratios = [Fraction(decimal) * NANOS_PER_USD / per for decimal in decimals]
    return [(ratio.numerator, ratio.denominator) for ratio in ratios]


def _contains(outer: str, inner: str) -> bool:
    return outer != inner and _DIMENSIONS[outer].items() <= _DIMENSIONS[inner].items()


def _compatible(left: str, right: str) -> bool:
    a, b = _DIMENSIONS[left], _DIMENSIONS[right]
    return all(b.get(name, value) == value for name, value in a.items())


def _overlaps() -> dict[str, tuple[tuple[str, str], ...]]:
    """To each unit the pairs of units that overlap in exactly it."""
    found: dict[str, list[tuple[str, str]]] = {key: [] for key in _DIMENSIONS}
    by_dimensions = {frozenset(dimensions.items()): key for key, dimensions in _DIMENSIONS.items()}
    for left, right in combinations(_DIMENSIONS, 2):
        if _contains(left, right) or _contains(right, left) or not _compatible(left, right):
            continue
        joined = frozenset({**_DIMENSIONS[left], **_DIMENSIONS[right]}.items())
        if joined in by_dimensions:
            found[by_dimensions[joined]].append((left, right))
    return {key: tuple(pairs) for key, pairs in found.items()}


_UNITS: dict[str, dict[str, Any]] = unit_data
_DIMENSIONS: dict[str, dict[str, str]] = {key: unit["dimensions"] for key, unit in _UNITS.items()}
_OVERLAPS = _overlaps()
