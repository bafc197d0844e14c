"""Budgets that nothing overshoots: before a call, what it may cost at worst is set aside."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tallygate.edge import events
from tallygate.edge.budget.bounds import UnboundedError, bounds_of
from tallygate.edge.budget.gate import BudgetCall, MemoryBudgetGate, Scope
from tallygate.edge.budget.holds import Claim, HoldStore, HoldStoreError, Origin, Spent
from tallygate.edge.budget.worst import PlannedCall, WorstCases
from tallygate.edge.call import Call, now_us
from tallygate.edge.errors import GatewayError
from tallygate.edge.events import Ending
from tallygate.edge.limits.meter import CallMeter
from tallygate.edge.request.fields import parse_object
from tallygate.edge.steps import Arrival
from tallygate.runtime.messages import partition_of
from tallygate.runtime.tasks import spawn
from tallygate.schemas.filters import Condition
from tallygate.schemas.periods import Span, period_of
from tallygate.schemas.rules import CalendarWindow, Rule, RuleBook
from tallygate.schemas.topics import partition_key

log = logging.getLogger(__name__)

LATE_MS = 600_000
"""A hold of a call that was cut off (its edge was killed) goes so long after the call's time is up."""
COUNTED_LATE_MS = 86_400_000
"""One that waits to be counted goes so long after its period."""
_FIELDS = {"key_id": "key", "user_id": "user", "model": "model", "provider": "provider"}
_NANOS = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class _Place:
    """A group of a rule in one period."""

    rule: Rule
    group: str
    scope: Scope
    period: Span

    @property
    def key(self) -> str:
        rule = self.rule
        parts = [rule.project, rule.rule_id, rule.counting_revision, self.group, self.period.start_us]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


class Reservations:
    """Sets aside, and settles."""

    def __init__(
        self,
        rules: Callable[[], RuleBook],
        gate: MemoryBudgetGate,
        store: HoldStore,
        meter: CallMeter,
        worst_cases: WorstCases,
        partitions: int,
    ) -> None:
        """`partitions` are those of the event log: the accounting tells by them what it has counted."""
        self._rules = rules
        self._gate = gate
        self._store = store
        self._meter = meter
        self._worst_cases = worst_cases
        self._partitions = partitions
        self.refused = 0
        """Calls that a budget had no room for."""

    async def reserve(self, arrival: Arrival) -> None:
        """Set aside what the call may cost, from every budget that asks for it.

        Raises:
            GatewayError: 402, there is not enough left, or it can't be said what the call may cost; 503, it
                can't be found out what is left.
        """
        call = arrival.call
        places = list(self._places(call))
        if not places:
            return
        if not self._gate.known:
            raise _unavailable("what is spent is not known yet")
        worst = await self._worst(arrival)
        if worst == 0:
            return
        claims = [Claim(place.key, place.rule.limit, worst, self._spent(place)) for place in places]
        expires_ms = now_us() // 1000 + int(arrival.deadline.remaining_s() * 1000) + LATE_MS
        try:
            verdict = await self._store.hold(claims, call.call_id, expires_ms)
        except HoldStoreError as error:
            log.error("budgets with reservation refuse calls: %s", error)  # noqa: TRY400
            raise _unavailable("the reservations can't be reached") from error
        if not verdict.allowed:
            self.refused += 1
            raise GatewayError(402, "budget_exceeded", _refusal(places, verdict.taken, worst))
        call.on_end.append(lambda ended, ending: self._end(ended, ending, places, worst))

    async def _worst(self, arrival: Arrival) -> int:
        call = arrival.call
        head = arrival.body.head if arrival.body.decoded is None else arrival.body.decoded
        body = parse_object(bytes(head)) if arrival.body.complete else None
        reason, bounds = "its price is not known", None
        try:
            bounds = bounds_of(call.endpoint, body, len(head))
        except UnboundedError as error:
            reason = str(error)
        planned = PlannedCall(
            call.project,
            call.method,
            call.endpoint,
            call.received_at_us,
            call.stops or ((call.provider, call.model),),
            bounds,
            call.labels.model_override,
        )
        worst = await self._worst_cases.worst(planned)
        if worst is None:
            if bounds is not None and None in (bounds.input_tokens, bounds.output_tokens):
                reason = (
                    "the model's price or its context window is not known: send max_tokens, and text only"
                )
            self.refused += 1
            raise GatewayError(
                402,
                "budget_exceeded",
                "A budget sets aside what a call may cost at worst, and of this one that can't be said: "
                f"{reason}.",
            )
        return worst

    def _places(self, call: Call) -> Iterator[_Place]:
        for rule in self._rules().rules.get(call.project, ()):
            if not (rule.reserve and rule.action == "block" and isinstance(rule.window, CalendarWindow)):
                continue
            scope = _scope_of(rule, call)
            if scope is None:
                continue
            period = period_of(rule.window.period, rule.time_zone, call.received_at_us)
            yield _Place(rule, scope.value if rule.group_by else "", scope, period)

    def _spent(self, place: _Place) -> Spent:
        """Of a model there is a state for each of its dated names: what all have counted is counted."""
        states = [
            state
            for state in self._gate.states(place.rule.project, place.scope, place.rule.rule_id)
            if state.period_start_us == place.period.start_us
        ]
        if not states:
            return Spent()
        common = set.intersection(*(set(state.applied) for state in states))
        return Spent(
            sum(state.spent for state in states),
            max(state.version for state in states),
            {mark: min(state.applied[mark] for state in states) for mark in common},
        )

    def _end(self, call: Call, ending: Ending, places: list[_Place], worst: int) -> None:
        # Built at once: a later chunk of the stream must not get into it while a thread reads it.
        event = events.response_event(call, ending, "meter", 0) if call.attempts else None
        spawn(self._settle(call, event, places, worst), name="settle")

    async def _settle(
        self, call: Call, event: dict[str, object] | None, places: list[_Place], worst: int
    ) -> None:
        amounts = None if event is None else await self._meter.measure(event)
        cost = 0 if amounts is None else amounts.cost_nanos if amounts.known else worst
        origin = None
        if call.recorded is not None:
            edge_id, seq = call.recorded
            partition = partition_of(partition_key(call.project, call.user_id), self._partitions)
            origin = Origin(f"{partition}/{edge_id}", seq)
        ends_ms = max(place.period.end_us for place in places) // 1000 + COUNTED_LATE_MS
        try:
            await self._store.settle([place.key for place in places], call.call_id, cost, origin, ends_ms)
        except HoldStoreError as error:
            log.error("a call's worst case stays set aside for a while: %s", error)  # noqa: TRY400


def _scope_of(rule: Rule, call: Call) -> Scope | None:
    """The one label that a rule looks at, with the call's value; None: the rule is not about the call."""
    label, wanted = rule.group_by, None
    if not label and isinstance(rule.filter, Condition):
        label, wanted = rule.filter.field, str(rule.filter.operand)
    if not label:
        return Scope()
    kind, _, name = label.partition(".")
    kind = _FIELDS.get(kind, kind)
    asked = BudgetCall(call.project, call.key_id, call.user_id, call.model, call.provider)
    values = {
        "key": asked.key_id,
        "user": asked.user_id,
        "model": asked.model,
        "provider": asked.provider,
        "property": _property(call, name),
    }
    value = values.get(kind, "")
    if not value or (wanted is not None and value != wanted):
        return None
    return Scope(kind, value, name.lower())  # type: ignore[arg-type]


def _property(call: Call, name: str) -> str:
    found = (value for key, value in call.labels.properties.items() if key.lower() == name.lower())
    return next(found, "")


def _unavailable(why: str) -> GatewayError:
    return GatewayError(
        503, "budget_unavailable", f"A budget sets aside what a call may cost, and just now can't: {why}."
    )


def _refusal(places: list[_Place], taken: tuple[int, ...], worst: int) -> str:
    pairs = list(zip(places, taken, strict=True))
    place, used = min(pairs, key=lambda pair: pair[0].rule.limit - pair[1])
    left = max(0, place.rule.limit - used)
    reset = datetime.fromtimestamp(place.period.end_us / 1_000_000, UTC).isoformat(timespec="seconds")
    return (
        f"The budget {place.rule.name!r} has ${_usd(left)} left until {reset}, "
        f"and this call may cost up to ${_usd(worst)}."
    )


def _usd(nanos: int) -> str:
    return f"{Decimal(nanos) / _NANOS:f}"
