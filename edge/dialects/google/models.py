"""What Gemini's models take, by their names. A name without a version counts as newest."""

import re

from tallygate.edge.dialects.common.effort import budget_of, effort_of, is_off
from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import Request

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")

LEVELS = {
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
"""`thinkingLevel` of Gemini 3 and later; not every model goes beyond HIGH."""


def version(model: str) -> tuple[int, int]:
    """Major and minor version of a model."""
    match = _VERSION.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else (99, 0)


def needs_signatures(model: str) -> bool:
    """Whether function calls of the past must carry a thought signature."""
    return version(model) >= (3, 0)


def thinking_config(request: Request, model: str, policy: Policy) -> Json:
    """`thinkingConfig`: a level for Gemini 3 and later, a budget before."""
    reasoning = request.reasoning
    if reasoning is None:
        return {}
    if version(model) < (3, 0):
        if is_off(reasoning):
            return {"thinkingConfig": {"thinkingBudget": 0}}
        budget = budget_of(reasoning)
        config: Json = {"includeThoughts": True}
        # Gemini 2.5 takes at most 24 576 (Flash) or 32 768 (Pro).
        return {"thinkingConfig": config | ({"thinkingBudget": min(budget, 24_576)} if budget else {})}
    if is_off(reasoning):
        policy.unsupported(request.named("reasoning"), f"{model} always thinks; `minimal` is the least")
        return {}
    effort = effort_of(reasoning)
    level: Json = {"thinkingLevel": LEVELS[effort]} if effort else {}
    return {"thinkingConfig": level | {"includeThoughts": True}}
