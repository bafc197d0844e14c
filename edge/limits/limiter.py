"""Rate limits as the edge uses them: which windows a call touches, the decision, its headers."""

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tallygate.edge.limits.policy import NANOS_PER_CENT, Policy
from tallygate.edge.limits.store import Charge, Demand, LimitKey, LimitStore, LimitStoreError, Reading

log = logging.getLogger(__name__)
Unavailable = Literal["open", "closed"]
_LOG_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose calls are counted together."""

    project: str
    key_id: str = ""
    user_id: str = ""
    properties: Mapping[str, str] | None = None
    """Names as sent; compared without case."""


@dataclass(frozen=True, slots=True)
class BoundPolicy:
    """A policy and the window that it means for one call."""

    policy: Policy
    key: LimitKey


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision about one call."""

    allowed: bool
    policies: tuple[BoundPolicy, ...] = ()
    readings: tuple[Reading, ...] = ()
    """Of each policy; none if the store could not be asked."""
    degraded: bool = False
    """The store could not be asked: decided by configuration."""

    @property
    def retry_after_s(self) -> int:
        """Of a refused call: whole seconds until it would be allowed, if nothing else were."""
        return max(1, math.ceil(max((each.wait_ms for each in self.readings), default=1_000) / 1_000))


class Limiter:
    """Asks the store, and decides by configuration when it can't be asked.

    `open` lets the call through, `closed` refuses it; either is counted in `unavailable` and logged once a
    minute. A store that failed is left alone for `pause_s`, so that calls do not queue up for its time-outs.
    """

    def __init__(
        self,
        store: LimitStore,
        *,
        unavailable: Unavailable = "open",
        pause_s: float = 1.0,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._policy = unavailable
        self._pause_s = pause_s
        self._monotonic_s = monotonic_s
        self._asked_again_s = -math.inf
        self._logged_s = -math.inf
        self.unavailable = 0
        """Decisions and charges that the store was not there for."""
        self.refused = 0
        """Calls over a limit."""

    async def admit(self, policies: Sequence[BoundPolicy]) -> Admission:
        """Decide about a call: every policy has room (and requests are taken), or it is refused."""
        bound = tuple(policies)
        if not bound:
            return Admission(allowed=True)
        if self._pausing():
            return self._without_store(bound)
        try:
            verdict = await self._store.take([_demand(each) for each in bound])
        except LimitStoreError as error:
            self._failed(error)
            return self._without_store(bound)
        self.refused += not verdict.allowed
        return Admission(verdict.allowed, bound, verdict.readings)

    async def charge(self, policies: Sequence[BoundPolicy], *, tokens: int = 0, cost_nanos: int = 0) -> None:
        """Count what an admitted call took, once it is known. Never raises: the call has happened."""
        amounts = {"tokens": tokens, "cents": cost_nanos}
        charges = [
            Charge(each.key, each.policy.window_ms, amount)
            for each in policies
            if (amount := amounts.get(each.policy.unit, 0)) > 0
        ]
        if not charges:
            return
        if self._pausing():
            self.unavailable += 1
            return
        try:
            await self._store.charge(charges)
        except LimitStoreError as error:
            self.unavailable += 1
            self._failed(error)

    def _pausing(self) -> bool:
        return self._monotonic_s() < self._asked_again_s

    def _without_store(self, bound: tuple[BoundPolicy, ...]) -> Admission:
        self.unavailable += 1
        return Admission(allowed=self._policy == "open", policies=bound, degraded=True)

    def _failed(self, error: LimitStoreError) -> None:
        now_s = self._monotonic_s()
        self._asked_again_s = now_s + self._pause_s
        if now_s - self._logged_s >= _LOG_EVERY_S:
            self._logged_s = now_s
            effect = "not enforced" if self._policy == "open" else "refusing calls"
            log.error("rate limits are %s: %s", effect, error)


def bind(policies: Sequence[Policy], subject: Subject, *, source: str) -> tuple[BoundPolicy, ...]:
    """The windows that policies mean for a call.

    A user, key or property that the call does not have is one value like any other: calls without it share a
    window, and none goes unlimited. The quota is no part of a window's name, so that a new quota counts what
    was used under the old one.

    Args:
        source: Who set the policies (`header`, `key:<id>`): those of different sources count apart.
    """
    project = hashlib.blake2b(subject.project.encode(), digest_size=8).hexdigest()
    return tuple(BoundPolicy(each, LimitKey(project, _window(each, subject, source))) for each in policies)


def headers(admission: Admission) -> dict[str, str]:
    """The answer's headers, names without prefix: of the policy that has least left, relative to its quota.

    `Limit` and `Remaining` are in the policy's unit, `Reset` the seconds until some of it becomes free.
    """
    if not admission.policies:
        return {}
    found = {"RateLimit-Policy": ", ".join(str(each.policy) for each in admission.policies)}
    if admission.readings:
        pairs = zip(admission.policies, admission.readings, strict=True)
        bound, reading = min(
            pairs, key=lambda pair: (pair[0].policy.quota_counts - pair[1].used) / pair[0].policy.quota_counts
        )
        found["RateLimit-Limit"] = str(bound.policy.quota)
        found["RateLimit-Remaining"] = str(_remaining(bound.policy, reading.used))
        found["RateLimit-Reset"] = str(math.ceil(max(reading.oldest_leaves_ms, reading.wait_ms) / 1_000))
    if not admission.allowed:
        found["retry-after"] = str(admission.retry_after_s)
    return found


def _remaining(policy: Policy, used: int) -> int:
    left = max(0, policy.quota_counts - used)
    return left // NANOS_PER_CENT if policy.unit == "cents" else left


def _demand(bound: BoundPolicy) -> Demand:
    policy = bound.policy
    return Demand(bound.key, policy.window_ms, policy.quota_counts, 1 if policy.unit == "request" else 0)


def _window(policy: Policy, subject: Subject, source: str) -> str:
    parts = [
        subject.project,
        source,
        policy.unit,
        policy.window_s,
        policy.scope,
        policy.property_name,
        _value(policy, subject),
    ]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _value(policy: Policy, subject: Subject) -> str:
    if policy.scope == "user":
        return subject.user_id
    if policy.scope == "key":
        return subject.key_id
    if policy.scope == "property":
        for name, value in (subject.properties or {}).items():
            if name.lower() == policy.property_name:
                return value
    return ""
