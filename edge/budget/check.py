"""Budgets as a step of the pipeline."""

from tallygate.edge.budget.gate import Blocked, BudgetCall, BudgetGate
from tallygate.edge.call import now_us
from tallygate.edge.errors import GatewayError
from tallygate.edge.steps import Arrival

_WARNING = b"Tallygate-Budget-Warning"


class BudgetCheck:
    """A `Gate`. It asks before routing: of a model's name it knows what the caller wrote."""

    def __init__(self, budgets: BudgetGate) -> None:
        self._budgets = budgets
        self.refused = 0
        """Calls over a budget."""

    async def admit(self, arrival: Arrival) -> None:
        """Let the call through unless a budget that it falls under is used up.

        Raises:
            GatewayError: 402 `budget_exceeded`.
        """
        call = arrival.call
        now = now_us()
        provider, slash, model = call.model_requested.partition("/")
        verdict = self._budgets.check(
            BudgetCall(
                project=call.project,
                key_id=call.key_id,
                user_id=call.user_id,
                model=model if slash else call.model_requested,
                provider=provider if slash else "",
                properties=call.labels.properties,
            ),
            now,
        )
        if isinstance(verdict, Blocked):
            self.refused += 1
            raise GatewayError(402, "budget_exceeded", verdict.message)
        call.answer_headers += [
            (_WARNING, each.budget_id.encode("ascii", "replace")) for each in verdict.warnings
        ]
