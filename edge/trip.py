"""The state of a call's attempts: what was tried, and what comes next. Pure but for the clocks."""

import time
from dataclasses import dataclass, field

from tallygate.edge.errors import GatewayError
from tallygate.edge.resilience.balance import BreakerBoard, Choice, choose
from tallygate.edge.resilience.breaker import Breaker
from tallygate.edge.resilience.retry import Random
from tallygate.edge.resilience.steps import AttemptError, AttemptResult, GiveUp, Step, next_step
from tallygate.edge.routing.itinerary import Itinerary, Stop
from tallygate.edge.routing.target import Target
from tallygate.runtime.deadline import Deadline


def now_ms() -> int:
    """The monotonic clock, which all waits and breakers go by."""
    return time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class Trip:
    """One call's way along its stops."""

    itinerary: Itinerary
    board: BreakerBoard
    deadline: Deadline
    random: Random
    results: list[AttemptResult] = field(default_factory=list)
    step: Step = field(default_factory=lambda: GiveUp("exhausted"))
    _tried: dict[int, frozenset[int]] = field(default_factory=dict)

    def begin(self) -> None:
        """Find the first step."""
        self._decide()

    def choose(self, index: int) -> Choice | None:
        """A deployment of a stop; None if none may be called now."""
        tried = self._tried.get(index, frozenset())
        choice = choose(self.stop(index).places, self.board, now_ms(), self.random, tried=tried)
        if choice is not None:
            self._tried[index] = tried | {choice.index}
        return choice

    def stop(self, index: int) -> Stop:
        """A stop."""
        return self.itinerary.stops[index]

    def goes_on(
        self, index: int, *, status: int = 0, error: AttemptError = "", retry_after_ms: int | None = None
    ) -> bool:
        """Note how a try ended; whether there is another step. If not, this was the call's last answer."""
        if retry_after_ms is not None and self._has_rested(index):
            retry_after_ms = None
        self.results.append(AttemptResult(index, now_ms(), status, error, retry_after_ms))
        self._decide()
        return not isinstance(self.step, GiveUp)

    def no_healthy(self, index: int) -> GatewayError:
        """The error for a stop none of whose deployments may be called."""
        stop = self.stop(index)
        return GatewayError(
            503,
            "no_healthy_provider",
            f"{stop.target.id}: calls fail, so that it is left alone for {self.wakes_in_s(index)} s.",
        )

    def wakes_in_s(self, index: int) -> int:
        """Seconds until a stop may be called again, at least one."""
        now = now_ms()
        wakes = min(self._breaker_of(place).wakes_ms(now) for place in self.stop(index).places)
        return max(1, -(-(wakes - now) // 1000))

    def _has_rested(self, index: int) -> bool:
        now = now_ms()
        breakers = (self._breaker_of(place) for place in self.stop(index).places)
        return any(each.available(now) and not each.resting(now) for each in breakers)

    def _breaker_of(self, place: Target) -> Breaker:
        return self.board.of(place.key)

    def _decide(self) -> None:
        self.step = next_step(
            self.itinerary.plan,
            self.results,
            now_ms=now_ms(),
            deadline_ms=int(self.deadline.at_s * 1000),
            random=self.random,
        )
