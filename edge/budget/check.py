"""Budgets as steps of the pipeline: before routing, and once more when model and provider are known."""

from dataclasses import replace

from tallygate.edge.answer.kept import Kept
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.budget.gate import Blocked, BudgetCall, BudgetGate
from tallygate.edge.budget.reserve import Reservations
from tallygate.edge.call import Call, now_us
from tallygate.edge.errors import GatewayError
from tallygate.edge.steps import Arrival, Cache, Proceed

_WARNING = b"Tallygate-Budget-Warning"


class BudgetCheck:
    """A `Gate`: the budgets of project, key, user and properties. It asks before anything is counted."""

    def __init__(self, budgets: BudgetGate) -> None:
        self._budgets = budgets
        self.refused = 0
        """Calls over a budget."""

    async def admit(self, arrival: Arrival) -> None:
        """Let the call through unless a budget that it falls under is used up.

        Raises:
            GatewayError: 402 `budget_exceeded`.
        """
        self.check(arrival.call, _who(arrival.call))

    def check(self, call: Call, asked: BudgetCall) -> None:
        """Raise `GatewayError` 402 if a budget is used up; name those that only warn in the answer."""
        verdict = self._budgets.check(asked, now_us())
        if isinstance(verdict, Blocked):
            self.refused += 1
            raise GatewayError(402, "budget_exceeded", verdict.message)
        for each in verdict.warnings:
            warning = (_WARNING, each.budget_id.encode("ascii", "replace"))
            if warning not in call.answer_headers:
                call.answer_headers.append(warning)


class WithinBudget:
    """A `Cache` around another: the budgets of the model and provider that the call is routed to.

    Of a call with fallbacks that is the first; a stored answer is not served over a budget either.
    """

    def __init__(self, check: BudgetCheck, cache: Cache, reservations: Reservations | None = None) -> None:
        self._check = check
        self._cache = cache
        self._reservations = reservations

    async def around(self, arrival: Arrival, writer: AnswerWriter, proceed: Proceed) -> None:
        """See `Cache`.

        Raises:
            GatewayError: 402 `budget_exceeded`; and whatever the other raises.
        """
        call = arrival.call
        self._check.check(call, replace(_who(call), model=call.model, provider=call.provider))

        async def reserved(kept: Kept | None) -> None:
            """A stored answer costs nothing: only what goes on to a provider is set aside for."""
            if self._reservations is not None:
                await self._reservations.reserve(arrival)
            await proceed(kept)

        await self._cache.around(arrival, writer, reserved)


def _who(call: Call) -> BudgetCall:
    return BudgetCall(call.project, call.key_id, call.user_id, properties=call.labels.properties)
