"""Latency as quantiles, by DDSketch: within 1 %, and the same whatever is merged in what order.

ClickHouse answers them from the projections that hold just these levels.
"""

import math
from collections.abc import Sequence

from tallygate.analytics.models import ApiModel

_LEVELS = "0.5, 0.9, 0.95, 0.99"


class Quantiles(ApiModel):
    """Milliseconds that so many of the calls needed at most; null where there was no such call."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


def quantiles_sql(column_us: str) -> str:
    """An aggregate over a column in microseconds; NULLs do not count."""
    return f"quantilesDD(0.01, {_LEVELS})({column_us})"


def quantiles(values_us: Sequence[float | None]) -> Quantiles:
    """What the aggregate gave."""
    values = [None if value is None or math.isnan(value) else value / 1000 for value in values_us]
    p50, p90, p95, p99 = values or [None] * 4
    return Quantiles(p50=p50, p90=p90, p95=p95, p99=p99)
