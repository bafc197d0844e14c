"""`POST /api/v1/what-if`: a period on other models, at other providers, with the gateway's cache on."""

from collections.abc import Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, model_validator

from tallygate.analytics.api.operation import json_answer, json_body, now_us, reading
from tallygate.analytics.api.scope import Scope, period
from tallygate.analytics.errors import RequestError
from tallygate.analytics.keys import project_of
from tallygate.analytics.models import ApiModel, Usd
from tallygate.analytics.reports.sums import usd
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.query import Meant
from tallygate.analytics.requests.statement import Rows, Statement, select
from tallygate.analytics.requests.where import where
from tallygate.analytics.whatif.scenario import (
    COUNTED,
    Line,
    Prices,
    Substitution,
    UnknownPriceError,
    Used,
    lines,
)
from tallygate.schemas.times import parse_time_us
from tallygate.stream_processors.pricing import PriceList

Pattern = Annotated[str, Field(min_length=1, max_length=256)]
DEFAULT_TTL_S = 7 * 86_400
MAX_SUBSTITUTIONS = 20
_SPILL_BYTES = 256 * 1024 * 1024


class Substitute(ApiModel):
    """Calls of some models, made to another."""

    provider: Pattern = "*"
    """Whose calls; `*` and `?` stand for anything."""
    model: Pattern = "*"
    to_provider: Pattern
    to_model: Pattern


class Caching(ApiModel):
    """The gateway's cache for all calls: of calls with the same body, only the first in each stretch of this
    length costs."""

    ttl_s: Annotated[int, Field(ge=1, le=365 * 86_400)] = DEFAULT_TTL_S


class WhatIf(Meant):
    """A scenario; the first substitution that fits a call counts."""

    substitutions: Annotated[list[Substitute], Field(max_length=MAX_SUBSTITUTIONS)] = []
    cache: Caching | None = None
    keep_provider_cache: bool = True
    """Whether the substitutes are thought to have as much input in the provider's cache as there was."""

    @model_validator(mode="after")
    def _supposes_something(self) -> "WhatIf":
        if not self.substitutions and self.cache is None:
            raise ValueError("give substitutions, or cache, or both")
        return self


class WhatIfLine(ApiModel):
    """One model's calls."""

    provider: str
    model: str
    requests: int
    repeats: int
    """Calls that the cache would have answered."""
    input_tokens: int
    output_tokens: int
    actual_nanos: int
    actual_usd: Usd
    unpriced: int
    to_provider: str
    to_model: str
    """Empty: not substituted."""
    scenario_nanos: int
    scenario_usd: Usd
    scenario_unpriced: int
    """Calls that the substitute's prices don't cover, and that are not in the scenario's cost."""
    saved_by_cache_nanos: int
    price_ref: str


class WhatIfAnswer(ApiModel):
    """The period as it was, and as it would have been. Calls that used no tokens are in neither."""

    requests: int
    repeats: int
    actual_nanos: int
    actual_usd: Usd
    unpriced: int
    scenario_nanos: int
    scenario_usd: Usd
    scenario_unpriced: int
    saved_by_cache_nanos: int
    saved_by_cache_usd: Usd
    difference_nanos: int
    """Of the scenario, to what it was: negative if it is cheaper."""
    difference_usd: Usd
    models: list[WhatIfLine]
    """The costliest first."""


async def post_what_if(request: web.Request) -> web.Response:
    """Compute a scenario."""
    asked = await json_body(request, WhatIf)
    scope = _scope(asked, project_of(request))
    return json_answer(await reading(request, lambda rows: read_what_if(rows, scope, asked)))


def read_what_if(rows: Rows, scope: Scope, asked: WhatIf) -> WhatIfAnswer:
    """Read what was used, and price it."""
    substitutions = [
        Substitution(each.provider, each.model, each.to_provider, each.to_model)
        for each in asked.substitutions
    ]
    try:
        prices = Prices(PriceList(), substitutions, min(scope.to_us, now_us()))
    except UnknownPriceError as error:
        raise RequestError(400, "unknown_price", str(error), param="substitutions") from error
    used = [_used(row) for row in rows(used_in(scope, prices.thresholds))]
    repeats = []
    if asked.cache is not None:
        repeats = [_used(row) for row in rows(repeated_in(scope, prices.thresholds, asked.cache.ttl_s))]
    return _answer(lines(used, repeats, prices, keep_provider_cache=asked.keep_provider_cache))


def used_in(scope: Scope, thresholds: Sequence[int]) -> Statement:
    """Tokens and cost by day, provider, model and tier."""
    columns: list[str | Clause] = ["toDate(received_at) AS day", "provider", "model"]
    columns += [_tier(thresholds), *_SUMS]
    tail = "GROUP BY day, provider, model, tier"
    return select(columns, "calls", [*scope.within(), _USED], scope.project, tail)


def repeated_in(scope: Scope, thresholds: Sequence[int], ttl_s: int) -> Statement:
    """The same of calls that have the same body as an earlier one of their stretch of time."""
    stretch = Clause("intDiv(toUnixTimestamp(received_at), {ttl:UInt64})", {"ttl": ttl_s})
    body = Clause(f"sipHash64(provider, model, endpoint, {stretch.sql}, prompt) AS body", stretch.values)
    clauses = [*scope.within(), _USED, _CACHEABLE]
    wanted = ["received_at", "provider", "model", "priced", "cost_nanos", *COUNTED]
    calls = select([body, *wanted], "calls", clauses, scope.project)
    firsts = select(
        [body, "min(received_at) AS first"],
        "calls",
        clauses,
        scope.project,
        "GROUP BY body HAVING count() > 1",
    )
    tier = _tier(thresholds)
    columns = ", ".join(["toDate(received_at) AS day", "provider", "model", tier.sql, *_SUMS])
    sql = (
        f"SELECT {columns} FROM ({calls.sql}) AS c INNER JOIN ({firsts.sql}) AS f USING (body)"  # noqa: S608
        " WHERE received_at > first GROUP BY day, provider, model, tier"
        f" SETTINGS max_bytes_before_external_group_by = {_SPILL_BYTES}"
    )
    return Statement(sql, calls.values | firsts.values | tier.values)


_USED = Clause("token_source != 'none'", {})
_CACHEABLE = Clause("outcome = 'ok' AND method = 'POST' AND prompt != '' AND NOT prompt_truncated", {})
_SUMS = ("count()", *(f"sum({name})" for name in COUNTED), "sum(cost_nanos)", "countIf(NOT priced)")


def _tier(thresholds: Sequence[int]) -> Clause:
    if not thresholds:
        return Clause("toInt64(-1) AS tier", {})
    highest = "arrayMax(arrayMap(mark -> if(input_tokens > mark, mark, -1), {marks:Array(Int64)})) AS tier"
    return Clause(highest, {"marks": list(thresholds)})


def _used(row: Sequence[Any]) -> Used:
    day, provider, model, tier, requests, *rest = row
    *tokens, cost, unpriced = rest
    return Used(day, provider, model, tier, requests, tuple(tokens), cost or 0, unpriced)


def _scope(asked: WhatIf, project: str) -> Scope:
    from_us = parse_time_us(asked.from_) if asked.from_ is not None else None
    to_us = parse_time_us(asked.to) if asked.to is not None else None
    if from_us is not None and to_us is not None and from_us > to_us:
        raise RequestError(400, "invalid_request", "from: is later than `to`", param="from")
    clauses = (where(asked.filter, "w"),) if asked.filter is not None else ()
    return Scope(project, *period(from_us, to_us, now_us()), clauses)


def _answer(found: Sequence[Line]) -> WhatIfAnswer:
    def total(name: str) -> int:
        return sum(getattr(line, name) for line in found)

    actual, scenario, saved = total("actual_nanos"), total("scenario_nanos"), total("saved_by_cache_nanos")
    return WhatIfAnswer(
        requests=total("requests"),
        repeats=total("repeats"),
        actual_nanos=actual,
        actual_usd=usd(actual),
        unpriced=total("unpriced"),
        scenario_nanos=scenario,
        scenario_usd=usd(scenario),
        scenario_unpriced=total("scenario_unpriced"),
        saved_by_cache_nanos=saved,
        saved_by_cache_usd=usd(saved),
        difference_nanos=scenario - actual,
        difference_usd=usd(scenario - actual),
        models=[
            WhatIfLine(
                **line._asdict(), actual_usd=usd(line.actual_nanos), scenario_usd=usd(line.scenario_nanos)
            )
            for line in found
        ],
    )
