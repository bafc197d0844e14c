"""Which deployment of a provider takes a call: by weight, among those that are well."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tallygate.edge.resilience.breaker import Breaker, BreakerPolicy, Permit
from tallygate.edge.resilience.retry import Random


class Deployment(Protocol):
    """What the choice needs to know of a deployment."""

    @property
    def key(self) -> Hashable:
        """Names the deployment: what shares it shares a breaker."""
        ...

    @property
    def weight(self) -> float:
        """Its share of the calls; 0 takes it out."""
        ...


class BreakerBoard:
    """The breakers of all deployments; the longest unused are forgotten beyond `max_breakers`."""

    def __init__(self, policy: BreakerPolicy | None = None, *, max_breakers: int = 10_000) -> None:
        self._policy = policy or BreakerPolicy()
        self._max = max_breakers
        self._breakers: OrderedDict[Hashable, Breaker] = OrderedDict()

    def of(self, key: Hashable) -> Breaker:
        """The breaker of a deployment."""
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._breakers[key] = Breaker(self._policy)
            if len(self._breakers) > self._max:
                self._breakers.popitem(last=False)
        self._breakers.move_to_end(key)
        return breaker


@dataclass(frozen=True, slots=True)
class Choice:
    """The deployment that takes the call, as an index into the candidates; report on the permit."""

    index: int
    breaker: Breaker
    permit: Permit


def choose(
    candidates: Sequence[Deployment],
    board: BreakerBoard,
    now_ms: int,
    random: Random,
    *,
    tried: frozenset[int] = frozenset(),
) -> Choice | None:
    """Choose by weight among the deployments whose breaker lets a call through; None if there is none.

    Those that neither rest after a 429 nor were tried before for this call are preferred; then those that
    were not tried; then whichever there are: a caller is better served by the provider's own 429 than by our
    refusal.
    """
    if len(candidates) == 1:
        return _only(candidates[0], board, now_ms)
    breakers = [board.of(each.key) for each in candidates]
    usable = [i for i, each in enumerate(candidates) if each.weight > 0 and breakers[i].available(now_ms)]
    fresh = [i for i in usable if i not in tried]
    rested = [i for i in fresh if not breakers[i].resting(now_ms)]
    pool = rested or [i for i in usable if not breakers[i].resting(now_ms)] or fresh or usable
    if not pool:
        return None
    index = _by_weight(pool, [candidates[i].weight for i in pool], random())
    permit = breakers[index].acquire(now_ms)
    return None if permit is None else Choice(index, breakers[index], permit)


def _only(candidate: Deployment, board: BreakerBoard, now_ms: int) -> Choice | None:
    breaker = board.of(candidate.key)
    permit = breaker.acquire(now_ms) if candidate.weight > 0 else None
    return None if permit is None else Choice(0, breaker, permit)


def _by_weight(pool: Sequence[int], weights: Sequence[float], share: float) -> int:
    point = share * sum(weights)
    for index, weight in zip(pool, weights, strict=True):
        point -= weight
        if point < 0:
            return index
    return pool[-1]
