"""Rules and books of them."""

from typing import Any

from tallygate.schemas.rules import Rule, RuleBook, by_project


def rule(rule_id: str = "rule_1", **fields: Any) -> Rule:
    """A rule on the cost of a day."""
    defaults = {"project": "default", "name": "spend", "metric": "cost", "created_at_us": 1}
    return Rule.model_validate({"rule_id": rule_id} | defaults | fields)


def book(*rules: Rule, version: int = 1, **fields: Any) -> RuleBook:
    """What is in force."""
    return RuleBook(version=version, rules=by_project(rules), **fields)
