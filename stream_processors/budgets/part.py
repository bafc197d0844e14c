"""What a rule's metric needs of sums over calls: a number of calls, an amount, or a distribution."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tallygate.schemas.rules import Metric
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.usage.sketch import merged, quantile

MILLION = 1_000_000


class Part(NamedTuple):
    """Sums over some calls, as far as one metric looks at them. Parts add up."""

    requests: int = 0
    amount: int = 0
    """Of a sum, the sum; of a rate, how many calls are so."""
    sketch: Mapping[int, int] = {}
    """Of a quantile."""


def part_of(metric: Metric, totals: RuleTotals) -> Part:
    """What a metric looks at."""
    if metric.startswith("latency_"):
        return Part(totals.requests, 0, totals.latency_sketch)
    if metric.startswith("ttft_"):
        return Part(totals.requests, 0, totals.ttft_sketch)
    return Part(totals.requests, _amount(metric, totals))


def total(parts: Iterable[Part]) -> Part:
    """The sum of parts."""
    found = list(parts)
    if len(found) == 1:
        return found[0]
    return Part(
        sum(part.requests for part in found),
        sum(part.amount for part in found),
        merged(part.sketch for part in found if part.sketch),
    )


def value_of(metric: Metric, part: Part) -> int | None:
    """The metric's value; None if there is nothing that it could be of. Rates are parts per million."""
    if metric in ("error_rate", "cache_hit_rate"):
        return part.amount * MILLION // part.requests if part.requests else None
    if "_p" in metric:
        return quantile(part.sketch, int(metric[-2:]) / 100)
    return part.amount


def _amount(metric: Metric, totals: RuleTotals) -> int:
    match metric:
        case "cost":
            return totals.cost_nanos
        case "requests":
            return totals.requests
        case "errors" | "error_rate":
            return totals.errors + totals.cancelled
        case "total_tokens":
            return totals.input_tokens + totals.output_tokens
        case "rate_limit_hits":
            return totals.rate_limited
        case "cache_hit_rate":
            return totals.cache_hits
    amount: int = getattr(totals, metric)
    return amount
