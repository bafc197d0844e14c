"""Topics as data: the one place that knows their names, keys, partitions and retention."""

from dataclasses import dataclass
from typing import Literal

from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.model import Record
from tallygate.schemas.records import Alert, BudgetState, Call, DeadLetter, RuleState
from tallygate.schemas.totals import RuleTotals, UsageTotals

DAY_MS = 86_400_000
DEFAULT_PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the log.

    A message's value is one record, or several as JSON lines. Every topic has the same number of
    partitions, and a record derived from another stays in its partition: that is what keeps the records of
    one edge in order from end to end.
    """

    name: str
    code: int
    """Number of the topic in an outbox record. Never reused."""
    model: type[Record]
    key: str
    """What the partition is chosen by."""
    retention_ms: int
    cleanup: Literal["delete", "compact"] = "delete"


REQUESTS = Topic("llm.requests", 1, RequestEvent, "project/user_id", 7 * DAY_MS)
RESPONSES = Topic("llm.responses", 2, ResponseEvent, "project/user_id", 30 * DAY_MS)
CALLS = Topic("llm.calls", 3, Call, "project/user_id", 7 * DAY_MS)
USAGE = Topic("llm.usage", 4, UsageTotals, "project/dimension/name/value", -1, "compact")
ALERTS = Topic("llm.alerts", 5, Alert, "project/budget_id", 30 * DAY_MS)
DEADLETTER = Topic("llm.deadletter", 6, DeadLetter, "source", 30 * DAY_MS)
RULE_TOTALS = Topic("llm.rule_totals", 7, RuleTotals, "project/rule_id/group/bucket", -1, "compact")
RULE_STATES = Topic("llm.rule_states", 8, RuleState, "rule_id/group", -1, "compact")
BUDGETS = Topic("llm.budgets", 9, BudgetState, "budget_id/group", -1, "compact")

TOPICS = (REQUESTS, RESPONSES, CALLS, USAGE, ALERTS, DEADLETTER, RULE_TOTALS, RULE_STATES, BUDGETS)
BY_CODE = {topic.code: topic for topic in TOPICS}
BY_NAME = {topic.name: topic for topic in TOPICS}


def partition_key(project: str, user_id: str) -> bytes:
    """Key of a call's events: all calls of one user of one project share a partition."""
    return f"{project}/{user_id}".encode()
