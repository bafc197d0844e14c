"""When to start a process again that has died. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """Pauses between restarts."""

    first_s: float = 0.2
    factor: float = 2.0
    max_s: float = 10.0
    healthy_after_s: float = 10.0
    """A process that lived this long has its next restart after the first pause again."""


class Backoff:
    """The pauses of one process."""

    def __init__(self, policy: BackoffPolicy) -> None:
        self._policy = policy
        self._next_s = policy.first_s

    def after_death(self, lived_s: float) -> float:
        """Seconds to wait before the next start."""
        policy = self._policy
        pause = policy.first_s if lived_s >= policy.healthy_after_s else self._next_s
        self._next_s = min(policy.max_s, pause * policy.factor)
        return pause
