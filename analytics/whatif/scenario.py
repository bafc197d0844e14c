"""What recorded tokens would have cost elsewhere. Pure, and exact.

Calls are added up by day, provider, model and tier before they are priced: prices are linear in tokens
within a tier, and a tier is chosen by each call's own input tokens. So the sum is the exact one, rounded once
for each such group, half to even. Recorded costs are rounded call by call: on the same model a scenario may
differ from them by half a nano-dollar a call, where a price is no whole number of nano-dollars a token.
"""

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import NamedTuple

from tallygate.stream_processors.pricing.catalogue import GENAI_IDS, PriceList, Quote
from tallygate.stream_processors.pricing.sheet import NoPriceError
from tallygate.stream_processors.pricing.usage import Counts

COUNTED = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)
"""Columns of `calls`, in the order of `Used.tokens`."""
_UNITS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)
"""What the price list calls them."""
_AUDIO = ("input_audio_tokens", "output_audio_tokens")
"""Never priced as text."""
_DAY_US = 86_400_000_000


class Substitution(NamedTuple):
    """Calls of one model, or of all that fit, made to another."""

    from_provider: str
    """With `*` and `?`."""
    from_model: str
    to_provider: str
    to_model: str

    def fits(self, provider: str, model: str) -> bool:
        """Whether it is about these calls."""
        return fnmatchcase(provider.lower(), self.from_provider.lower()) and fnmatchcase(
            model.lower(), self.from_model.lower()
        )


class Used(NamedTuple):
    """Calls of one day, provider, model and tier, added up."""

    day: date
    provider: str
    model: str
    tier: int
    """The highest threshold that each call's input tokens are above, -1 if none."""
    requests: int
    tokens: tuple[int, ...]
    cost_nanos: int
    """As recorded, of the priced ones."""
    unpriced: int

    @property
    def key(self) -> tuple[date, str, str, int]:
        """What they have in common."""
        return self.day, self.provider, self.model, self.tier

    def less(self, other: "Used") -> "Used":
        """Without some of them."""
        return self._replace(
            requests=self.requests - other.requests,
            tokens=tuple(a - b for a, b in zip(self.tokens, other.tokens, strict=True)),
            cost_nanos=self.cost_nanos - other.cost_nanos,
            unpriced=self.unpriced - other.unpriced,
        )


class Line(NamedTuple):
    """One model's calls over the whole period, as they were and as they would be."""

    provider: str
    model: str
    requests: int
    repeats: int
    """Of them, what the gateway's cache would have answered; 0 if none is supposed."""
    input_tokens: int
    output_tokens: int
    actual_nanos: int
    unpriced: int
    to_provider: str
    to_model: str
    """Empty if nothing is substituted."""
    scenario_nanos: int
    scenario_unpriced: int
    saved_by_cache_nanos: int
    """What the repeats would have cost in the scenario."""
    price_ref: str


class UnknownPriceError(LookupError):
    """The price list has no such model."""


class Prices:
    """Quotes for substitutes."""

    def __init__(self, prices: PriceList, substitutions: Sequence[Substitution], at_us: int) -> None:
        """Check that each substitute has a price, at the end of the period.

        Raises:
            UnknownPriceError: one has none.
        """
        self._prices = prices
        self.substitutions = substitutions
        self.thresholds = sorted({mark for each in substitutions for mark in self._known(each, at_us)})

    def _known(self, substitution: Substitution, at_us: int) -> frozenset[int]:
        provider, model = substitution.to_provider, substitution.to_model
        quote = self.quote(substitution, at_us)
        if quote is None or (quote.sheet.empty and not quote.free):
            raise UnknownPriceError(f"no price is known of {model} at {provider}")
        return quote.sheet.thresholds

    def quote(self, to: Substitution, at_us: int) -> Quote | None:
        """The prices of a substitute at a time."""
        return self._prices.quote(GENAI_IDS.get(to.to_provider, to.to_provider), to.to_model, at_us)

    def substitute(self, provider: str, model: str) -> Substitution | None:
        """The first that is about these calls."""
        return next((each for each in self.substitutions if each.fits(provider, model)), None)


def lines(
    used: Sequence[Used], repeats: Sequence[Used], prices: Prices, *, keep_provider_cache: bool
) -> list[Line]:
    """What each model's calls cost, and would have cost; the costliest first.

    Args:
        repeats: those of them that a cache would have answered.
    """
    found: dict[tuple[str, str], Line] = {}
    repeated = {each.key: each for each in repeats}
    for each in used:
        line = _line(each, repeated.get(each.key), prices, keep_provider_cache)
        key = (each.provider, each.model)
        found[key] = _added(found[key], line) if key in found else line
    return sorted(found.values(), key=lambda line: (-line.actual_nanos, -line.scenario_nanos, line[:2]))


def _line(used: Used, repeats: Used | None, prices: Prices, keep_provider_cache: bool) -> Line:
    to = prices.substitute(used.provider, used.model)
    made = used if repeats is None else used.less(repeats)
    nanos, unpriced, ref = _cost(made, to, prices, keep_provider_cache)
    saved = 0 if repeats is None else _cost(used, to, prices, keep_provider_cache)[0] - nanos
    return Line(
        provider=used.provider,
        model=used.model,
        requests=used.requests,
        repeats=0 if repeats is None else repeats.requests,
        input_tokens=used.tokens[0],
        output_tokens=used.tokens[1],
        actual_nanos=used.cost_nanos,
        unpriced=used.unpriced,
        to_provider="" if to is None else to.to_provider,
        to_model="" if to is None else to.to_model,
        scenario_nanos=nanos,
        scenario_unpriced=unpriced,
        saved_by_cache_nanos=saved,
        price_ref=ref,
    )


def _cost(
    used: Used, to: Substitution | None, prices: Prices, keep_provider_cache: bool
) -> tuple[int, int, str]:
    """Nano-dollars, calls whose cost can't be said, and where the prices are from."""
    if to is None:
        return used.cost_nanos, used.unpriced, ""
    day_us = (used.day - date(1970, 1, 1)).days * _DAY_US
    quote = prices.quote(to, day_us)
    if quote is None or (quote.sheet.empty and not quote.free):
        return 0, used.requests, ""
    counts = _counts(used, keep_provider_cache)
    if quote.sheet.empty or not any(used.tokens):
        return 0, 0, quote.ref
    if any(counts.get(unit) and not quote.sheet.prices(unit) for unit in _AUDIO):
        return 0, used.requests, quote.ref
    try:
        return quote.sheet.cost(counts, tier_tokens=used.tier + 1).total, 0, quote.ref
    except NoPriceError:
        return 0, used.requests, quote.ref


def _counts(used: Used, keep_provider_cache: bool) -> Counts:
    counts: dict[str, int] = dict(zip(_UNITS, used.tokens, strict=True))
    if not keep_provider_cache:
        counts["cache_read_tokens"] = counts["cache_write_tokens"] = 0
    return {**counts, "requests": used.requests}


def _added(left: Line, right: Line) -> Line:
    return left._replace(
        requests=left.requests + right.requests,
        repeats=left.repeats + right.repeats,
        input_tokens=left.input_tokens + right.input_tokens,
        output_tokens=left.output_tokens + right.output_tokens,
        actual_nanos=left.actual_nanos + right.actual_nanos,
        unpriced=left.unpriced + right.unpriced,
        scenario_nanos=left.scenario_nanos + right.scenario_nanos,
        scenario_unpriced=left.scenario_unpriced + right.scenario_unpriced,
        saved_by_cache_nanos=left.saved_by_cache_nanos + right.saved_by_cache_nanos,
        price_ref=right.price_ref,
    )
