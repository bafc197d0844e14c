"""Prices that a project has agreed on, in place of the list's. Pure.

A call is priced by the override that was in force when it came, so that an event that comes again, after a
crash or in a replay, gets the same price again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

from genai_prices.types import ModelPrice, Tier, TieredPrices

from tallygate.schemas.rules import PriceOverride, ServiceTier, TokenKind, TokenPrices
from tallygate.stream_processors.pricing.catalogue import CACHED_QUOTES, GENAI_IDS, Context, PriceList, Quote
from tallygate.stream_processors.pricing.sheet import Sheet

Overrides = Mapping[str, Sequence[PriceOverride]]
"""By project, the one that counts first if several fit."""

_PRICE_KEYS: Mapping[TokenKind, str] = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
}
_WITHIN: Mapping[TokenKind, TokenKind] = {
    "cached_input": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "reasoning": "output",
    "input_audio": "input",
    "output_audio": "output",
}
"""What a kind is a part of, and costs as much as without a price of its own."""
_TIERS: Mapping[tuple[str, str], ServiceTier] = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
}
_ONE = Decimal(1)
_PER_THOUSAND = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Named:
    """A model under one of the names that a call has for it."""

    provider: str
    """As the gateway names it."""
    model: str


class OverridePrices:
    """Finds the override that a call falls under, and its prices."""

    def __init__(self, prices: PriceList, overrides: Callable[[], Overrides] = dict) -> None:
        """`overrides` is asked at each call, and has to answer at once."""
        self._prices = prices
        self._overrides = overrides
        self._known: Overrides = {}
        self._quotes: dict[tuple[str, Context, Quote | None], Quote] = {}
        """Of the overrides that are known, by their ids."""

    def quote(self, project: str, names: Sequence[Named], at_us: int, context: Context) -> Quote | None:
        """Prices of the first name that an override is for; None if there is none."""
        overrides = self._overrides()
        if overrides is not self._known:
            self._known, self._quotes = overrides, {}
        in_force = [override for override in overrides.get(project, ()) if _in_force(override, at_us)]
        if not in_force:
            return None
        for name in names:
            for override in in_force:
                if _fits(override, name):
                    return self._quote(override, name, at_us, context)
        return None

    def _quote(self, override: PriceOverride, name: Named, at_us: int, context: Context) -> Quote | None:
        listed = None
        if not override.prices:
            provider = GENAI_IDS.get(name.provider, name.provider)
            asked = () if _tier(context) in override.multipliers else context
            listed = self._prices.quote(provider, name.model, at_us, asked)
            if listed is None:
                return None
        key = (override.price_id, context, listed)
        quote = self._quotes.get(key)
        if quote is None:
            if len(self._quotes) >= CACHED_QUOTES:
                self._quotes.clear()
            quote = self._quotes[key] = _made(override, context, listed)
        return quote


def _made(override: PriceOverride, context: Context, listed: Quote | None) -> Quote:
    prices = _own_prices(override) if listed is None else _listed_prices(listed)
    tier = _tier(context)
    multiplier = override.multipliers.get(tier, override.multipliers.get("standard", _ONE))
    scaled = {
        key: _times(price, multiplier) if key.endswith("_mtok") else price for key, price in prices.items()
    }
    if override.per_request:
        scaled["requests_kcount"] = override.per_request * _PER_THOUSAND
    ref = f"override/{override.price_id}"
    if tier in override.multipliers:
        ref += f" {tier}"
    if listed is not None:
        ref += f" of {listed.ref}"
    made = ModelPrice(**scaled)
    return Quote(
        Sheet(made), ref, free=listed is not None and listed.free, agreed=listed is None, prices=made
    )


def _listed_prices(listed: Quote) -> dict[str, Decimal | TieredPrices]:
    return {key: price for key, price in vars(listed.prices).items() if price is not None}


def _own_prices(override: PriceOverride) -> dict[str, Decimal | TieredPrices]:
    kinds = {*override.prices, *(kind for tier in override.tiers for kind in tier.prices)}
    return {_PRICE_KEYS[kind]: _price(override, kind) for kind in kinds}


def _price(override: PriceOverride, kind: TokenKind) -> Decimal | TieredPrices:
    base = _base(override.prices, kind)
    tiers = [
        Tier(tier.above_input_tokens, tier.prices[kind]) for tier in override.tiers if kind in tier.prices
    ]
    return TieredPrices(base, tiers) if tiers else base


def _base(prices: TokenPrices, kind: TokenKind) -> Decimal:
    """The price of a kind below every tier: its own, or that of what it is a part of."""
    at: TokenKind | None = kind
    while at is not None:
        if at in prices:
            return prices[at]
        at = _WITHIN.get(at)
    return Decimal(0)


def _times(price: Decimal | TieredPrices, multiplier: Decimal) -> Decimal | TieredPrices:
    if isinstance(price, TieredPrices):
        tiers = [Tier(tier.start, tier.price * multiplier) for tier in price.tiers]
        return TieredPrices(price.base * multiplier, tiers)
    return price * multiplier


def _in_force(override: PriceOverride, at_us: int) -> bool:
    ends = override.valid_to_us
    return override.valid_from_us <= at_us and (ends is None or at_us < ends)


def _fits(override: PriceOverride, name: Named) -> bool:
    return fnmatchcase(name.provider.lower(), override.provider.lower()) and fnmatchcase(
        name.model.lower(), override.model.lower()
    )


def _tier(context: Context) -> ServiceTier:
    for each in context:
        if each in _TIERS:
            return _TIERS[each]
    return "standard"
