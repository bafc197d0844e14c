"""Prices by provider, model and time, from `genai-prices`, resolved once and kept."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TimeOfDateConstraint

from tallygate.stream_processors.pricing.sheet import Sheet

GENAI_IDS = {"xai": "x-ai", "bedrock": "aws"}
"""Our names of providers to those of `genai-prices`, where they differ."""

CACHED_QUOTES = 8192
_DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_LAST_US = 253_402_214_400_000_000
"""9999-12-31: a date can't be later, a time in an event can."""
_FREE_MODELS = frozenset({("openai", "moderation"), ("google", "gemma-3"), ("google", "gemma-3n")})
_FREE_WORDS = ("free of charge", "included in the subscription")

Context = tuple[tuple[str, str], ...]
"""What else a price depends on, as `genai-prices` names it: `(("service_tier", "flex"),)`."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The prices of a model at a time."""

    sheet: Sheet
    ref: str
    """As `genai-prices/0.2.3 openai/gpt-4o-mini`, with the tier if it has prices of its own."""
    free: bool = False
    """The list says that the model costs nothing; else a sheet without any price is one we don't know."""
    agreed: bool = False
    """The project has agreed on these prices: what is not named in them has no price of its own."""
    prices: ModelPrice | None = field(default=None, repr=False, compare=False)
    """What the sheet was made of."""


class PriceList:
    """The price list that comes with the installed `genai-prices`."""

    def __init__(self, on: date | None = None) -> None:
        """`on`: a day (UTC) whose prices count for every call, at the time of day at which it came."""
        self._on_us = None if on is None else calendar.timegm(on.timetuple()) * 1_000_000
        self._all: list[Provider] = get_snapshot().providers
        self.providers: Mapping[str, Provider] = {provider.id: provider for provider in self._all}
        self._source = f"genai-prices/{genai_prices.__version__}{'' if on is None else f' of {on}'}"
        self._model = lru_cache(CACHED_QUOTES)(self._find_model)
        self._quote = lru_cache(CACHED_QUOTES)(self._make_quote)

    def quote(self, provider: str, model: str, at_us: int, context: Context = ()) -> Quote | None:
        """Prices of a provider's model in force at a time; None if the list has none.

        `provider` is an id of `genai-prices`. The prices are resolved once a day, or once a minute where they
        change within the day (whole minutes, in the list).
        """
        found = self._model(provider, model)
        if found is None:
            return None
        if self._on_us is not None:
            at_us = self._on_us + at_us % _DAY_US
        at_us = min(at_us, _LAST_US)
        step_us = _MINUTE_US if found[1] else _DAY_US
        return self._quote(provider, model, at_us // step_us * step_us, context)

    def context_window(self, provider: str, model: str) -> int | None:
        """Tokens that fit into a model; None if that is not known. `provider` as of `quote`."""
        found = self._model(provider, model)
        return None if found is None else found[0].context_window

    def provider_of(self, model: str) -> str:
        """The maker of a model that comes without a provider's name; empty if unknown."""
        for provider in self._all:
            if provider.model_match is not None and provider.model_match.is_match(model.lower()):
                return provider.id
        return ""

    def _find_model(self, provider: str, name: str) -> tuple[ModelInfo, bool] | None:
        """The model, and whether its price changes within a day."""
        known = self.providers.get(provider)
        if known is None:
            return None
        for candidate in _spellings(name):
            model = known.find_model(candidate, all_providers=self._all)
            if model is not None:
                return model, _changes_within_day(model)
        return None

    def _make_quote(self, provider: str, name: str, at_us: int, context: Context) -> Quote | None:
        found = self._model(provider, name)
        if found is None:
            return None
        model, at = found[0], datetime.fromtimestamp(at_us // 1_000_000, UTC)
        # As in genai-prices: a tier of one provider says nothing of another's price for the same model.
        own = any(model is other for other in self.providers[provider].models)
        standard = model.get_prices(at)
        prices = model.get_prices(at, dict(context)) if own and context else standard
        ref = f"{self._source} {provider}/{model.id}"
        if prices != standard:
            ref += "".join(f" {key}={value}" for key, value in context)
        return Quote(Sheet(prices), ref, _is_free(provider, model), prices=prices)


def _spellings(name: str) -> tuple[str, ...]:
    """A model's name, and without a path before it (`models/…`, `accounts/fireworks/models/…`)."""
    last = name.rpartition("/")[2]
    return (name,) if last == name else (name, last)


def _changes_within_day(model: ModelInfo) -> bool:
    constraints = [variant.constraint for variant in model.price_variants or ()]
    if isinstance(model.prices, list):
        constraints += [conditional.constraint for conditional in model.prices]
    return any(isinstance(constraint, TimeOfDateConstraint) for constraint in constraints)


def _is_free(provider: str, model: ModelInfo) -> bool:
    comment = (model.price_comments or "").lower()
    return (
        model.id.endswith(":free")
        or (provider, model.id) in _FREE_MODELS
        or any(words in comment for words in _FREE_WORDS)
    )
