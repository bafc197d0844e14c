"""`GET /api/v1/usage/totals`: running totals, not more than a second or two behind the calls."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated

from aiohttp import web
from pydantic import Field

from tallygate.analytics.api.operation import Operation, json_answer, now_us
from tallygate.analytics.api.scope import parse_query
from tallygate.analytics.errors import RequestError, bad_parameter
from tallygate.analytics.keys import EXECUTOR, LIVE, project_of
from tallygate.analytics.live.source import LiveTotal, NotReadyError, TotalsAsked
from tallygate.analytics.models import ApiModel, Usd
from tallygate.schemas.periods import Period, Span, period_of
from tallygate.schemas.totals import Counters, Dimension
from tallygate.stream_processors.usage.sketch import quantile

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_NAMED = ("property", "workflow")


class TotalsQuery(ApiModel):
    """Which totals: of one value, or of all values of a dimension."""

    dimension: Dimension = "project"
    name: Annotated[str, Field(max_length=1024)] = ""
    """Of `property`, its name, in any case. Of `workflow`: empty for workflows, or one of them for its
    steps."""
    value: Annotated[str, Field(max_length=1024)] | None = None
    """Left out: every value, the costliest first."""
    period: Period | None = None
    """The running hour, day, week (from Monday) or month of the project's time zone; left out: all time."""
    previous: bool = False
    """The period before that."""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class LiveRow(ApiModel):
    """Sums over the calls of one value."""

    value: str
    requests: int
    errors: int
    """Calls that failed, were refused, or that the caller left."""
    error_rate: float | None
    timeouts: int
    cancelled: int
    rate_limited: int
    """Calls that were answered 429 at least once, by a provider or a limit of the gateway."""
    cache_hits: int
    unpriced: int
    cost_nanos: int
    cost_usd: Usd
    cache_saved_nanos: int
    cache_saved_usd: Usd
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    latency_ms_avg: float | None
    latency_ms_p50: float | None
    """Quantiles are within 1 %."""
    latency_ms_p95: float | None
    latency_ms_p99: float | None
    ttft_ms_avg: float | None
    ttft_ms_p50: float | None
    ttft_ms_p95: float | None
    ttft_ms_p99: float | None
    last_seen: datetime | None
    """End of the last call; of all time only."""


class LiveTotals(ApiModel):
    """Running totals."""

    dimension: Dimension
    name: str
    time_zone: str
    period_start: datetime | None
    period_end: datetime | None
    rows: list[LiveRow]
    truncated: bool


async def get_totals(request: web.Request) -> web.Response:
    """Running totals from the accounting's state."""
    query = parse_query(list(request.query.items()), TotalsQuery, scoped=False)
    live = request.app[LIVE]
    if live is None:
        raise RequestError(503, "totals_not_ready", "this process has no running totals")
    project = project_of(request)
    zone = live.zone_of(project)
    span = _span(query, zone)
    asked = TotalsAsked(
        project,
        query.dimension,
        _name(query),
        project if query.dimension == "project" else query.value,
        query.period,
        span.start_us if span else 0,
        query.limit + 1,
    )
    try:
        found = await request.app[EXECUTOR].run(partial(live.source.totals, asked))
    except NotReadyError as error:
        raise RequestError(503, "totals_not_ready", f"the totals can't be read now: {error}") from error
    answer = LiveTotals(
        dimension=query.dimension,
        name=asked.name,
        time_zone=zone,
        period_start=_time(span.start_us) if span else None,
        period_end=_time(span.end_us) if span else None,
        rows=[_row(total) for total in found[: query.limit]],
        truncated=len(found) > query.limit,
    )
    return json_answer(answer)


LIVE_TOTALS = Operation(
    method="GET",
    path="/api/v1/usage/totals",
    name="getRunningTotals",
    tag="usage",
    summary="Running totals by user, key, model, provider, property, session or workflow, a second behind",
    handler=get_totals,
    query=TotalsQuery,
    answer=LiveTotals,
)


def _name(query: TotalsQuery) -> str:
    if query.name and query.dimension not in _NAMED:
        raise bad_parameter("name", f"only {' and '.join(_NAMED)} have one")
    if query.dimension == "property" and not query.name:
        raise bad_parameter("name", "which property?")
    if query.previous and query.period is None:
        raise bad_parameter("previous", "needs a period")
    return query.name.lower() if query.dimension == "property" else query.name


def _span(query: TotalsQuery, zone: str) -> Span | None:
    if query.period is None:
        return None
    current = period_of(query.period, zone, now_us())
    return period_of(query.period, zone, current.start_us - 1) if query.previous else current


def _row(total: LiveTotal) -> LiveRow:
    held = total.counters
    failed = held.errors + held.cancelled
    same = {name: getattr(held, name) for name in LiveRow.model_fields if name in Counters.model_fields}
    return LiveRow.model_validate(
        same
        | {
            "value": total.value,
            "errors": failed,
            "error_rate": failed / held.requests if held.requests else None,
            "cost_usd": Decimal(held.cost_nanos).scaleb(-9),
            "cache_saved_usd": Decimal(held.cache_saved_nanos).scaleb(-9),
            "latency_ms_avg": held.latency_us / held.requests / 1000 if held.requests else None,
            "ttft_ms_avg": held.ttft_us / held.ttft_count / 1000 if held.ttft_count else None,
            **_quantiles("latency", held.latency_sketch),
            **_quantiles("ttft", held.ttft_sketch),
            "last_seen": None if total.last_seen_us is None else _time(total.last_seen_us),
        }
    )


def _quantiles(name: str, sketch: dict[int, int]) -> dict[str, float | None]:
    found = {}
    for percent in (50, 95, 99):
        us = quantile(sketch, percent / 100)
        found[f"{name}_ms_p{percent}"] = None if us is None else us / 1000
    return found


def _time(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)
