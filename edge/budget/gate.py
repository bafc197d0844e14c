"""The check of a call against budgets, in time that grows with the call's own labels, not with the budgets.

The accounting keeps the states and sends them here, as snapshots or one by one; how they travel is its
affair.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol

ScopeKind = Literal["project", "key", "user", "model", "provider", "property"]


class Scope(NamedTuple):
    """Whose calls a state counts: one value of one label. A budget for each user has a state for each."""

    kind: ScopeKind = "project"
    value: str = ""
    """Empty for the project itself."""
    name: str = ""
    """Of a property, in lower case."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What one budget allows one scope in the current period, and what was used."""

    budget_id: str
    name: str
    project: str
    scope: Scope
    limit: int
    """In the budget's unit (nano-dollars, tokens or requests), as `spent` is."""
    spent: int
    period_end_us: int
    """From then on the state says nothing: the new period begins with nothing spent."""
    action: Literal["block", "warn"] = "block"
    version: int = 0
    """Grows with every change of this state: what arrives late does not undo what is newer."""

    def exceeded(self, now_us: int) -> bool:
        """Whether it is used up."""
        return self.spent >= self.limit and now_us < self.period_end_us


@dataclass(frozen=True, slots=True)
class BudgetCall:
    """What a budget may look at of a call."""

    project: str
    key_id: str = ""
    user_id: str = ""
    model: str = ""
    provider: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Names as sent."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The call may go through."""

    warnings: tuple[BudgetState, ...] = ()
    """Budgets that are used up and only warn."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The call is refused: 402 `budget_exceeded`."""

    budget: BudgetState
    """Of those that block, the one that does so for longest."""

    @property
    def reset_us(self) -> int:
        """When the period ends, in microseconds since the Unix epoch."""
        return self.budget.period_end_us

    @property
    def message(self) -> str:
        """For the caller."""
        reset = datetime.fromtimestamp(self.reset_us / 1_000_000, UTC).isoformat(timespec="seconds")
        return f"The budget {self.budget.name!r} is used up until {reset}."


class BudgetGate(Protocol):
    """What the edge asks before it makes a call."""

    def check(self, call: BudgetCall, now_us: int) -> Allowed | Blocked:
        """Decide, without waiting for anything. `now_us` is microseconds since the Unix epoch."""
        ...


class MemoryBudgetGate:
    """`BudgetGate` over states held in memory."""

    def __init__(self, states: Iterable[BudgetState] = ()) -> None:
        self._states: dict[tuple[str, Scope], dict[str, BudgetState]] = {}
        self._version = -1
        for state in states:
            self.update(state)

    def check(self, call: BudgetCall, now_us: int) -> Allowed | Blocked:
        """See `BudgetGate`."""
        if not self._states:
            return Allowed()
        exceeded = [
            state
            for scope in _scopes(call)
            for state in self._states.get((call.project, scope), {}).values()
            if state.exceeded(now_us)
        ]
        blocking = [state for state in exceeded if state.action == "block"]
        if blocking:
            return Blocked(max(blocking, key=lambda state: state.period_end_us))
        return Allowed(tuple(exceeded))

    def update(self, state: BudgetState) -> None:
        """Take one state, unless a newer one of the same budget and scope is held."""
        held = self._states.setdefault((state.project, state.scope), {})
        known = held.get(state.budget_id)
        if known is None or known.version <= state.version:
            held[state.budget_id] = state

    def replace(self, version: int, states: Iterable[BudgetState]) -> bool:
        """Take all states at once, which forgets those of deleted budgets; False if it is an older snapshot.

        States that were updated since, and are newer than the snapshot's, are kept.
        """
        if version <= self._version:
            return False
        new = MemoryBudgetGate(states)
        for place, held in new._states.items():
            for budget_id, state in held.items():
                known = self._states.get(place, {}).get(budget_id)
                if known is not None and known.version > state.version:
                    held[budget_id] = known
        self._states, self._version = new._states, version
        return True

    def __len__(self) -> int:
        return sum(len(held) for held in self._states.values())


def _scopes(call: BudgetCall) -> Iterator[Scope]:
    """The scopes that a call falls under. A label that it does not have is no scope."""
    yield Scope("project")
    labels: tuple[tuple[ScopeKind, str], ...] = (
        ("key", call.key_id),
        ("user", call.user_id),
        ("model", call.model),
        ("provider", call.provider),
    )
    for kind, value in labels:
        if value:
            yield Scope(kind, value)
    for name, value in call.properties.items():
        yield Scope("property", value, name.lower())
