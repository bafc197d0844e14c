"""From a response event to a priced call."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tallygate.schemas.assemble import readable_request, readable_response
from tallygate.schemas.call import Outcome
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import Call, TokenSource
from tallygate.stream_processors.pricing.catalogue import GENAI_IDS, Context, PriceList, Quote
from tallygate.stream_processors.pricing.endpoints import is_text, may_cost
from tallygate.stream_processors.pricing.overrides import Named, OverridePrices, Overrides
from tallygate.stream_processors.pricing.sheet import Cost, NoPriceError
from tallygate.stream_processors.pricing.usage import BadUsageError, Counts, UsageReader
from tallygate.stream_processors.tokens import TokenCounter, estimate

_TOKENS = (
    ("input_tokens", "input_tokens"),
    ("output_tokens", "output_tokens"),
    ("cached_input_tokens", "cache_read_tokens"),
    ("cache_write_tokens", "cache_write_tokens"),
    ("reasoning_tokens", "output_reasoning_tokens"),
    ("input_audio_tokens", "input_audio_tokens"),
    ("output_audio_tokens", "output_audio_tokens"),
)
"""Fields of `schemas.records.Tokens`, and what `genai-prices` calls what they count."""
_AUDIO_APART = frozenset({"openai", "azure"})
"""Providers whose audio never costs what text costs; Google's does, with most models."""
_UNCHARGED = frozenset({Outcome.REJECTED, Outcome.CACHE_HIT})
_FREE = Cost(0, 0, 0)
_PENDING = re.compile(r'"status":\s*"(?:queued|in_progress)"')


class _Charge(NamedTuple):
    """What a call used and what that costs; no cost means that the price is not known."""

    counts: Counts
    source: TokenSource
    cost: Cost | None
    ref: str = ""


_NOTHING_USED = _Charge({}, "none", _FREE)
_UNKNOWN = _Charge({}, "none", None)


class Pricer:
    """Prices calls. Pure but for its caches; keep one per thread."""

    def __init__(
        self,
        prices: PriceList | None = None,
        counter: TokenCounter | None = None,
        overrides: Callable[[], Overrides] = dict,
    ) -> None:
        """`overrides` are the projects' own prices, asked for at each call."""
        self._prices = prices or PriceList()
        self._overrides = OverridePrices(self._prices, overrides)
        self._counter = counter or TokenCounter()
        self._usage = UsageReader(self._prices.providers)

    def price(self, event: ResponseEvent) -> Call:
        """Price a call by what the provider counted and the price in force when the call came.

        The cost is the exact sum of every count times its price, in nano-dollars, rounded once, half to
        even; the input's and output's shares are rounded sums of their own.

        | what happened                                                | tokens from | priced | cost |
        |--------------------------------------------------------------|-------------|--------|------|
        | the provider counted, and the price is known                 | provider    | yes    | > 0  |
        | the provider counted, and the price is not known             | provider    | no     | None |
        | the count can't be true (negative, text, larger than its sum) | none        | no     | None |
        | no count, but the provider had begun to answer, in text      | estimated   | as above | |
        | the same, not text, or the request was not kept              | none        | no     | None |
        | refused, from the cache, failed without a count, or no model used | none   | yes    | 0    |

        Never raises for an event that is valid by its schema.
        """
        response = readable_response(event.response_body)
        return _call(event, response, self._charge(event, response), self._saved(event))

    def worst(
        self, event: ResponseEvent, input_tokens: int | None, output_tokens: int | None, choices: int
    ) -> int | None:
        """Nano-dollars that a call of at most so many tokens can't cost more than, whatever it is answered;
        None if its price is not known. None of tokens: as many as the model has room for, output by choice.

        `event` has the call's project, provider, model and time; dearer ways of service are thought of.
        """
        window = self._window(event)
        if window is None and (input_tokens is None or output_tokens is None):
            return None
        most_in = window or 0 if input_tokens is None else input_tokens
        most_out = (window or 0) * choices if output_tokens is None else output_tokens
        worst = 0
        for tier in ("", "priority"):
            quote = self._quote(event.model_copy(update={"service_tier": tier}))
            if quote is None or (quote.sheet.empty and not quote.free):
                return None
            worst = max(worst, quote.sheet.worst(most_in, most_out))
        return worst

    def _window(self, event: ResponseEvent) -> int | None:
        windows = [
            self._prices.context_window(GENAI_IDS.get(name.provider, name.provider), name.model)
            for name in self._names(event)
        ]
        return max((window for window in windows if window), default=None)

    def _saved(self, event: ResponseEvent) -> int | None:
        """What a hit of the cache would have cost, by the usage of the stored answer."""
        if event.outcome is not Outcome.CACHE_HIT or not event.usage:
            return None
        provider = GENAI_IDS.get(event.provider, event.provider)
        try:
            counts = self._usage.read(event.usage, provider, event.usage_flavor)
        except BadUsageError:
            return None
        cost = None if counts is None else self._priced(event, provider, counts, "provider").cost
        return None if cost is None else cost.total

    def _charge(self, event: ResponseEvent, response: str) -> _Charge:
        if event.outcome in _UNCHARGED or not may_cost(event.method, event.endpoint):
            return _NOTHING_USED
        provider = GENAI_IDS.get(event.provider, event.provider)
        try:
            counts = self._usage.read(event.usage, provider, event.usage_flavor) if event.usage else None
        except BadUsageError:
            return _UNKNOWN
        if counts is not None:
            return self._priced(event, provider, counts, "provider")
        if not _answered(event):
            return _NOTHING_USED
        return self._estimated(event, provider, response)

    def _estimated(self, event: ResponseEvent, provider: str, response: str) -> _Charge:
        if not is_text(event.endpoint) or _continues_in_background(event, response):
            return _UNKNOWN
        model = event.model or event.model_requested
        tokens = estimate(event.request_body, response, model, self._counter)
        return _UNKNOWN if tokens is None else self._priced(event, provider, tokens._asdict(), "estimated")

    def _priced(self, event: ResponseEvent, provider: str, counts: Counts, source: TokenSource) -> _Charge:
        quote = self._quote(event)
        if quote is None or (quote.sheet.empty and not quote.free and any(counts.values())):
            return _Charge(counts, source, None)
        try:
            if provider in _AUDIO_APART and not quote.agreed:
                _check_audio(quote, counts)
            cost = _FREE if quote.sheet.empty else quote.sheet.cost(counts)
        except NoPriceError:
            return _Charge(counts, source, None, quote.ref)
        return _Charge(counts, source, cost, quote.ref)

    def _quote(self, event: ResponseEvent) -> Quote | None:
        context, at_us = _context(event), event.received_at_us
        names = self._names(event)
        agreed = self._overrides.quote(event.project, names, at_us, context)
        if agreed is not None:
            return agreed
        for name in names:
            provider = GENAI_IDS.get(name.provider, name.provider)
            quote = self._prices.quote(provider, name.model, at_us, context)
            if quote is not None:
                return quote
        return None

    def _names(self, event: ResponseEvent) -> list[Named]:
        """Under which providers and models to look for the price, in order."""
        if not event.model_override:
            asked = event.attempts[-1].model if event.attempts else event.model_requested
            return [Named(event.provider, model) for model in (event.model, asked) if model]
        named, _, rest = event.model_override.partition("/")
        names = [Named(event.provider, event.model_override)]
        if rest:
            names.insert(0, Named(named, rest))
        return [*names, Named(self._prices.provider_of(event.model_override), event.model_override)]


def _answered(event: ResponseEvent) -> bool:
    """Whether a provider had taken on the call: it may cost, though nobody counted.

    The last try tells, for a caller who left is recorded as 499. 101 is an accepted WebSocket.
    """
    status = event.attempts[-1].status if event.attempts else event.status
    return 200 <= status < 300 or status == 101


def _continues_in_background(event: ResponseEvent, response: str) -> bool:
    """Whether the answer is only a receipt (Responses API, `background`): the use is still to come."""
    return not event.stream and event.endpoint == "responses" and _PENDING.search(response) is not None


def _check_audio(quote: Quote, counts: Counts) -> None:
    """Refuse to price audio as text.

    Raises:
        NoPriceError: audio was used, and the list has the model's price of text only.
    """
    for key in ("input_audio_tokens", "output_audio_tokens"):
        if counts.get(key) and not quote.sheet.prices(key):
            raise NoPriceError(f"no price of {key}")


def _context(event: ResponseEvent) -> Context:
    """What of the call may select another price. `genai-prices` calls batches a way of processing."""
    tier = (event.service_tier or _text(event.usage, "service_tier")).lower()
    context = []
    if tier:
        context.append(("processing", "batch") if tier == "batch" else ("service_tier", tier))
    if speed := _text(event.usage, "speed"):
        context.append(("speed", speed))
    return tuple(context)


def _text(usage: Mapping[str, Any] | None, name: str) -> str:
    value = usage.get(name) if usage else None
    return value[:32] if isinstance(value, str) else ""


def _call(event: ResponseEvent, response: str, charge: _Charge, saved: int | None) -> Call:
    """Build the record: the event's fields (what a call has not is ignored) and what was found.

    By `model_validate`: it takes half the time of `model_construct`.
    """
    values: dict[str, Any] = {**event.__dict__, "schema_version": 1}
    for field, key in _TOKENS:
        values[field] = charge.counts.get(key, 0)
    values.update(
        token_source=charge.source,
        priced=charge.cost is not None,
        price_ref=charge.ref,
        prompt=readable_request(event.request_body),
        response=response,
    )
    cost = charge.cost
    values["cost_nanos"] = None if cost is None else cost.total
    values["input_cost_nanos"] = None if cost is None else cost.input
    values["output_cost_nanos"] = None if cost is None else cost.output
    values["cache_saved_nanos"] = saved
    for name, body in (("prompt", event.request_body), ("response", event.response_body)):
        if body is not None:
            values[f"{name}_bytes"] = body.size_bytes
            values[f"{name}_truncated"] = body.truncated
    return Call.model_validate(values)
