"""What the simulator has been asked, for tests and demonstrations."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from tallygate.infra.simulator.plan import Plan

KEPT_REQUESTS = 200
KEPT_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived. Its headers include the key: never to be printed."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes
    """Its first 64 KiB."""
    body_bytes: int


@dataclass(slots=True)
class Stats:
    """Counters since the start."""

    requests: int = 0
    in_flight: int = 0
    streams: int = 0
    cancelled: int = 0
    """Callers that left before the end."""
    input_tokens: int = 0
    """Of answers with status 200, whether or not the caller read them to the end."""
    output_tokens: int = 0
    by_operation: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    by_model: Counter[str] = field(default_factory=Counter)
    failures_by_key: Counter[str] = field(default_factory=Counter)
    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=KEPT_REQUESTS))

    def count(self, operation: str, plan: Plan) -> None:
        """Count an answer that is about to be sent."""
        self.by_operation[operation] += 1
        self.by_status[str(plan.status)] += 1
        self.streams += plan.events is not None
        self.input_tokens += plan.input_tokens
        self.output_tokens += plan.output_tokens
        if plan.model:
            self.by_model[plan.model] += 1

    def as_dict(self) -> dict[str, Any]:
        """The counters, without requests."""
        return {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "streams": self.streams,
            "cancelled": self.cancelled,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "by_operation": dict(self.by_operation),
            "by_status": dict(self.by_status),
            "by_model": dict(self.by_model),
        }
