"""The gateway's cache: what it answered, and what that saved."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from tallygate.analytics.api.operation import NoQuery
from tallygate.analytics.api.scope import Scope
from tallygate.analytics.models import ApiModel, Usd
from tallygate.analytics.reports.sums import usd
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, select

MAX_SHOWN_CHARS = 500


class CacheSums(ApiModel):
    """Of one model, or of all."""

    model: str
    """Empty for all."""
    hits: int
    misses: int
    hit_rate: float | None
    """Of the calls that asked the cache."""
    saved_nanos: int
    """What the hits would have cost, as far as that is known."""
    saved_usd: Usd
    unpriced_hits: int
    """Hits whose price is not known, and which are not in what was saved."""
    saved_ms: float
    """Time that callers did not wait: per hit, the model's mean latency of misses less the hit's own."""


class CacheAnswer(ApiModel):
    """All together, and by model, the most hits first."""

    total: CacheSums
    models: list[CacheSums]


class EntriesQuery(ApiModel):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20


class CacheEntry(ApiModel):
    """Calls with the same body that were answered from the cache."""

    model: str
    endpoint: str
    hits: int
    saved_nanos: int
    saved_usd: Usd
    last_hit: datetime
    latest_request_id: str
    prompt: str
    """The beginning of the body; empty if bodies are not stored."""


class CacheEntries(ApiModel):
    """The most hits first."""

    entries: list[CacheEntry]


_SUMS = (
    "countIf(cache = 'hit')",
    "countIf(cache = 'miss')",
    "sumIf(cache_saved_nanos, cache = 'hit')",
    "countIf(cache = 'hit' AND isNull(cache_saved_nanos))",
    "sumIf(latency_us, cache = 'hit')",
    "avgIf(latency_us, cache = 'miss' AND outcome = 'ok')",
)
_ASKED = Clause("cache != ''", {})


def read_cache(rows: Rows, scope: Scope, _query: NoQuery) -> CacheAnswer:
    """Read the sums."""
    tail = "GROUP BY model ORDER BY countIf(cache = 'hit') DESC, model"
    found = rows(select(["model", *_SUMS], "calls", [*scope.within(), _ASKED], scope.project, tail))
    models = [_sums(row) for row in found]
    hits, misses = sum(each.hits for each in models), sum(each.misses for each in models)
    saved_nanos = sum(each.saved_nanos for each in models)
    total = CacheSums(
        model="",
        hits=hits,
        misses=misses,
        hit_rate=hits / (hits + misses) if models else None,
        saved_nanos=saved_nanos,
        saved_usd=usd(saved_nanos),
        unpriced_hits=sum(each.unpriced_hits for each in models),
        saved_ms=sum(each.saved_ms for each in models),
    )
    return CacheAnswer(total=total, models=models)


def read_entries(rows: Rows, scope: Scope, query: EntriesQuery) -> CacheEntries:
    """Read what was asked most."""
    columns = ["model", "endpoint", "count() AS n", "sum(cache_saved_nanos)", "max(received_at) AS latest"]
    columns += ["argMax(request_id, received_at)", f"any(leftUTF8(prompt, {MAX_SHOWN_CHARS}))"]
    hit = Clause("cache = 'hit'", {})
    tail = "GROUP BY model, endpoint, sipHash128(prompt) ORDER BY n DESC, latest DESC"
    found = rows(
        select(columns, "calls", [*scope.within(), hit], scope.project, tail, f"LIMIT {query.limit}")
    )
    return CacheEntries(entries=[_entry(row) for row in found])


def _sums(row: Sequence[Any]) -> CacheSums:
    model, hits, misses, saved, unpriced, hits_us, miss_us = row
    # Without a miss in the period nothing is known of what was saved.
    known = miss_us is not None and miss_us == miss_us
    return CacheSums(
        model=model,
        hits=hits,
        misses=misses,
        hit_rate=hits / (hits + misses),
        saved_nanos=saved or 0,
        saved_usd=usd(saved or 0),
        unpriced_hits=unpriced,
        saved_ms=max(0.0, hits * miss_us - hits_us) / 1000 if known else 0.0,
    )


def _entry(row: Sequence[Any]) -> CacheEntry:
    model, endpoint, hits, saved, last_hit, request_id, prompt = row
    return CacheEntry(
        model=model,
        endpoint=endpoint,
        hits=hits,
        saved_nanos=saved or 0,
        saved_usd=usd(saved or 0),
        last_hit=last_hit,
        latest_request_id=request_id,
        prompt=prompt,
    )
