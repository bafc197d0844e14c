"""What is added up of calls."""

from typing import NamedTuple

from tallygate.schemas.call import Outcome
from tallygate.schemas.records import Call

MAX_SUM = 2**63 - 1
"""Sums stop here rather than wrap or fail: it is 9 milliards of dollars."""


class Sums(NamedTuple):
    """Counters of one call, or of many. Names are those of `schemas.totals.UsageTotals`."""

    requests: int
    errors: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    cost_nanos: int
    latency_us: int


COUNTERS = Sums._fields
_SUCCESSES = frozenset({Outcome.OK, Outcome.CACHE_HIT})


def sums_of(call: Call) -> Sums:
    """One call's counters. What has no price adds nothing to the cost, and one to `unpriced`.

    An error is every call that its caller got no whole answer to, whoever is to blame, but not one that the
    caller left.
    """
    failed = call.outcome not in _SUCCESSES and call.outcome is not Outcome.CLIENT_CANCELLED
    return Sums(
        1,
        int(failed),
        int(not call.priced),
        call.input_tokens,
        call.output_tokens,
        call.cached_input_tokens,
        call.cache_write_tokens,
        call.reasoning_tokens,
        call.input_audio_tokens,
        call.output_audio_tokens,
        call.cost_nanos or 0,
        call.latency_us,
    )
