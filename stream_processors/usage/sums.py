"""What is added up of calls."""

from typing import NamedTuple

from tallygate.schemas.call import Outcome
from tallygate.schemas.records import Call

MAX_SUM = 2**63 - 1
"""Sums stop here rather than wrap or fail: it is 9 milliards of dollars."""
TOO_MANY_REQUESTS = 429


class Sums(NamedTuple):
    """Counters of one call, or of many. Names are those of `schemas.totals.Counters`."""

    requests: int
    errors: int
    timeouts: int
    cancelled: int
    rate_limited: int
    cache_hits: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    cost_nanos: int
    cache_saved_nanos: int
    latency_us: int
    ttft_us: int
    ttft_count: int


COUNTERS = Sums._fields
SUCCESSES = frozenset({Outcome.OK, Outcome.CACHE_HIT})


def sums_of(call: Call) -> Sums:
    """One call's counters. What has no price adds nothing to the cost, and one to `unpriced`.

    An error is every call that its caller got no whole answer to, whoever is to blame, but not one that the
    caller left.
    """
    outcome = call.outcome
    cancelled = outcome is Outcome.CLIENT_CANCELLED
    return Sums(
        1,
        int(outcome not in SUCCESSES and not cancelled),
        int(outcome is Outcome.TIMEOUT),
        int(cancelled),
        int(_rate_limited(call)),
        int(outcome is Outcome.CACHE_HIT),
        int(not call.priced),
        call.input_tokens,
        call.output_tokens,
        call.cached_input_tokens,
        call.cache_write_tokens,
        call.reasoning_tokens,
        call.input_audio_tokens,
        call.output_audio_tokens,
        call.cost_nanos or 0,
        call.cache_saved_nanos or 0,
        call.latency_us,
        call.ttft_us or 0,
        int(call.ttft_us is not None),
    )


def _rate_limited(call: Call) -> bool:
    if call.status == TOO_MANY_REQUESTS:
        return True
    return any(attempt.status == TOO_MANY_REQUESTS for attempt in call.attempts)
