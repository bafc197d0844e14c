"""Requests, cost, tokens and latency of groups of calls, from projections that have them."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from tallygate.analytics.models import Totals
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Statement, over, select

_INNER = {
    "requests": "count()",
    "unpriced": "countIf(NOT priced)",
    "cost": "sum(cost_nanos)",
    "input": "sum(input_tokens)",
    "output": "sum(output_tokens)",
    "cached": "sum(cached_input_tokens)",
    "written": "sum(cache_write_tokens)",
    "reasoning": "sum(reasoning_tokens)",
    "latency": "sum(latency_us)",
    "slowest": "max(latency_us)",
}
FAILED = "countIf(outcome NOT IN ('ok', 'cache_hit'))"
_ERRORS = "sumIf(requests, outcome NOT IN ('ok', 'cache_hit')) AS t_errors"
WIDTH = len(_INNER) + 1

Metric = Literal["cost", "requests", "errors", "error_rate", "tokens", "latency"]
METRICS: dict[Metric, str] = {
    "cost": "ifNull(t_cost, 0)",
    "requests": "t_requests",
    "errors": "t_errors",
    "error_rate": "t_errors / t_requests",
    "tokens": "t_input + t_output",
    "latency": "t_latency / t_requests",
}
"""What groups can be ordered by, over the sums' names."""


class Group(NamedTuple):
    """A dimension: what it is in a projection, and what becomes of that in the answer."""

    inner: Clause
    outer: Callable[[str], Clause] = lambda inner: Clause(inner, {})


def sums(
    groups: Sequence[Group], clauses: Sequence[Clause], project: str, tail: str, *, flat: bool = False
) -> Statement:
    """A statement whose rows have the groups `g0`, `g1` …, and then what `totals` takes.

    Args:
        tail: ORDER BY and LIMIT over the groups and METRICS.
        flat: as the projections count failed calls that do not have the outcome: of users, properties.
    """
    named = [group.inner.as_(f"i{index}") for index, group in enumerate(groups)]
    inner_sums = [f"{sql} AS {name}" for name, sql in _INNER.items()]
    inner_names = [f"i{index}" for index in range(len(groups))]
    if flat:
        by = f"GROUP BY {', '.join(inner_names)}" if groups else ""
        inner = select([*named, f"{FAILED} AS failed", *inner_sums], "calls", clauses, project, by)
    else:
        by = f"GROUP BY {', '.join([*inner_names, 'outcome'])}"
        inner = select([*named, "outcome", *inner_sums], "calls", clauses, project, by)
    errors = "sum(failed) AS t_errors" if flat else _ERRORS
    wanted = [group.outer(f"i{index}").as_(f"g{index}") for index, group in enumerate(groups)]
    outer_sums = [f"{'max' if name == 'slowest' else 'sum'}({name}) AS t_{name}" for name in _INNER]
    names = ", ".join(f"g{index}" for index in range(len(groups)))
    group_by = f"GROUP BY {names}" if groups else ""
    return over(inner, [*wanted, errors, *outer_sums], group_by, tail)


def totals(row: Sequence[Any]) -> Totals:
    """The sums of a row, from behind its groups on."""
    errors, requests, unpriced, cost, *tokens, latency_us, slowest_us = row[:WIDTH]
    cost_nanos = cost or 0
    return Totals(
        requests=requests,
        errors=errors,
        error_rate=errors / requests if requests else None,
        unpriced=unpriced,
        cost_nanos=cost_nanos,
        cost_usd=usd(cost_nanos),
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        cached_input_tokens=tokens[2],
        cache_write_tokens=tokens[3],
        reasoning_tokens=tokens[4],
        latency_ms_avg=latency_us / requests / 1000 if requests else None,
        latency_ms_max=slowest_us / 1000 if requests else None,
    )


def usd(nanos: int) -> Decimal:
    """Nano-dollars as dollars, exact."""
    return Decimal(nanos).scaleb(-9)
