"""The check of a call against budgets, in time that grows with the call's own labels, not with the budgets.

The accounting keeps the states (`schemas.records.BudgetState`) and sends them here, as snapshots or one by
one; how they travel is its affair.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Protocol

from tallygate.schemas.records import BudgetState

_SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$")
"""What providers add to a model's name to say which one answered: `gpt-4o-2024-08-06`."""

ScopeKind = Literal["project", "key", "user", "model", "provider", "property"]


class Scope(NamedTuple):
    """Whose calls a state counts: one value of one label. A budget for each user has a state for each."""

    kind: ScopeKind = "project"
    value: str = ""
    """Empty for the project itself."""
    name: str = ""
    """Of a property, in lower case."""


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
        self._states: dict[tuple[str, Scope], dict[tuple[str, str], BudgetState]] = {}
        """By project and scope, and there by budget and group."""
        self._version = -1
        for state in states:
            self.update(state)

    def check(self, call: BudgetCall, now_us: int) -> Allowed | Blocked:
        """See `BudgetGate`."""
        if not self._states:
            return Allowed()
        used_up = [
            state
            for scope in _scopes(call)
            for state in self._states.get((call.project, scope), {}).values()
            if exceeded(state, now_us)
        ]
        blocking = [state for state in used_up if state.action == "block"]
        if blocking:
            return Blocked(max(blocking, key=lambda state: state.period_end_us))
        return Allowed(tuple(used_up))

    def update(self, state: BudgetState) -> None:
        """Take one state, unless a newer one of the same budget and scope is held."""
        for scope in _places(state):
            held = self._states.setdefault((state.project, scope), {})
            known = held.get((state.budget_id, state.group))
            if known is None or known.version <= state.version:
                held[state.budget_id, state.group] = state

    def replace(self, version: int, states: Iterable[BudgetState]) -> bool:
        """Take all states at once, which forgets those of deleted budgets; False if it is an older snapshot.

        States that were updated since, and are newer than the snapshot's, are kept.
        """
        if version <= self._version:
            return False
        new = MemoryBudgetGate(states)
        for place, held in new._states.items():
            for key, state in held.items():
                known = self._states.get(place, {}).get(key)
                if known is not None and known.version > state.version:
                    held[key] = known
        self._states, self._version = new._states, version
        return True

    @property
    def known(self) -> bool:
        """Whether the accounting has said anything."""
        return self._version >= 0

    def states(self, project: str, scope: Scope, budget_id: str) -> list[BudgetState]:
        """What it said of one budget and scope."""
        held = self._states.get((project, scope), {})
        return [state for (known, _), state in held.items() if known == budget_id]

    def __len__(self) -> int:
        return len({key for held in self._states.values() for key in held})


def exceeded(state: BudgetState, now_us: int) -> bool:
    """Whether a budget is used up. After its period a state says nothing: nothing is spent then."""
    return state.spent >= state.limit and now_us < state.period_end_us


def _places(state: BudgetState) -> Iterator[Scope]:
    """Where calls find a state. One of a model is counted by the name in answers, and found by the name that
    is asked for, too."""
    yield Scope(state.scope, state.value, state.property_name.lower())
    if state.scope == "model" and (asked := _SNAPSHOT.sub("", state.value)) != state.value:
        yield Scope("model", asked)


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
