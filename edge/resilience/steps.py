"""What to do next with a call, given what its attempts so far have come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tallygate.edge.resilience.plan import Plan
from tallygate.edge.resilience.retry import Random, backoff_ms, is_retried

AttemptError = Literal["", "connect", "timeout", "closed", "protocol", "unhealthy"]
"""Why there was no status. `unhealthy`: no deployment of the target may be called just now."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How one try ended."""

    target: int
    """Index into `Plan.targets`."""
    ended_ms: int
    status: int = 0
    """The provider's HTTP status; 0 if there was none."""
    error: AttemptError = ""
    retry_after_ms: int | None = None
    """What the provider asked for, from `ended_ms` on. Leave it out if another deployment of the same target
    is healthy: it was not that one which asked."""
    committed: bool = False
    """The caller has the first byte of this answer: nothing else may be tried."""


@dataclass(frozen=True, slots=True)
class Try:
    """Call this target now."""

    target: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Call this target, `delay_ms` from now."""

    target: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The last attempt's answer is the call's."""

    reason: Literal["answered", "committed", "exhausted", "deadline"]


Step = Try | Wait | GiveUp


def next_step(
    plan: Plan, results: Sequence[AttemptResult], *, now_ms: int, deadline_ms: int, random: Random
) -> Step:
    """Decide.

    A target is tried again while its retries last, if the failure is one that may heal; then the next target
    is, if the failure is one of those that lead on. A provider's `retry-after` is obeyed: the same target is
    not called before. Where that is longer than the policy's longest wait and another target is left, the
    other one is tried at once rather than waited for. Nothing starts at or after the deadline.

    Times are milliseconds of one clock.
    """
    if now_ms >= deadline_ms:
        return GiveUp("deadline")
    if not results:
        return Try(0)
    last = results[-1]
    if last.committed:
        return GiveUp("committed")
    if 0 < last.status < 400:
        return GiveUp("answered")
    onward = _leads_on(plan, last)
    delay_ms = _retry_delay_ms(plan, results, now_ms, random)
    if delay_ms is not None and _worth_waiting(plan, delay_ms, deadline_ms - now_ms, onward=onward):
        return Wait(last.target, delay_ms) if delay_ms else Try(last.target)
    if onward:
        return Try(last.target + 1)
    return GiveUp("exhausted" if delay_ms is None else "deadline")


def _worth_waiting(plan: Plan, delay_ms: int, left_ms: int, *, onward: bool) -> bool:
    return delay_ms < left_ms and (not onward or delay_ms <= plan.retry.max_timeout_ms)


def _leads_on(plan: Plan, last: AttemptResult) -> bool:
    if last.target + 1 >= len(plan.targets):
        return False
    return last.status == 0 or last.status in plan.targets[last.target].on_codes


def _retry_delay_ms(plan: Plan, results: Sequence[AttemptResult], now_ms: int, random: Random) -> int | None:
    """How long to wait before the same target is tried again; None if it is not to be."""
    last = results[-1]
    done = sum(1 for result in results if result.target == last.target) - 1
    if done >= plan.retry.retries or not is_retried(last.status, last.error):
        return None
    asked = 0 if last.retry_after_ms is None else last.ended_ms + last.retry_after_ms - now_ms
    return max(backoff_ms(plan.retry, done, random), asked)
