"""States of budgets as edges get them."""

from typing import Any

from tallygate.edge.budget.gate import Scope
from tallygate.schemas.records import BudgetState

FAR_US = 4_000_000_000_000_000
"""In the year 2096."""
PROJECT = Scope()


def budget_state(scope: Scope = PROJECT, **fields: Any) -> BudgetState:
    """A budget of 10 that is used up, until long from now."""
    given: dict[str, Any] = {
        "budget_id": "b1",
        "name": "October",
        "project": "default",
        "group": scope.value,
        "scope": scope.kind,
        "value": scope.value,
        "property_name": scope.name,
        "limit": 10,
        "spent": 10,
        "period_start_us": 0,
        "period_end_us": FAR_US,
        "action": "block",
        "version": 1,
    }
    return BudgetState(**(given | fields))
