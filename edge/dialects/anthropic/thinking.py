"""How much Claude is to think, and what thinking excludes."""

from tallygate.edge.dialects.anthropic.models import (
    ADAPTIVE_SINCE,
    ONE_SAMPLING_SINCE,
    SAMPLING_UNTIL,
    version,
)
from tallygate.edge.dialects.common.effort import budget_of, effort_of, is_off
from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import Reasoning, Request

MIN_BUDGET = 1_024
EFFORTS = {"minimal": "low"}
"""Words that Claude lacks."""


def thinking_fields(request: Request, model: str, max_tokens: int, policy: Policy) -> Json:
    """`thinking` and `output_config.effort`; the latter as a key of its own, `effort`."""
    reasoning = request.reasoning
    if reasoning is None:
        return {}
    if is_off(reasoning):
        return {"thinking": {"type": "disabled"}}
    if version(model) >= ADAPTIVE_SINCE:
        return _adaptive(reasoning)
    return _budget(reasoning, request, max_tokens, policy)


def _adaptive(reasoning: Reasoning) -> Json:
    effort = effort_of(reasoning)
    thinking: Json = {"type": "adaptive"} | ({"display": "summarized"} if reasoning.summary else {})
    fields: Json = {"thinking": thinking}
    return fields | {"effort": EFFORTS.get(effort, effort)} if effort else fields


def _budget(reasoning: Reasoning, request: Request, max_tokens: int, policy: Policy) -> Json:
    """A budget below `max_tokens`, half of it at most if the caller set that one."""
    budget = budget_of(reasoning)
    if budget is None:
        return {}
    if budget >= max_tokens:
        budget = max_tokens // 2
    if budget < MIN_BUDGET:
        message = f"Claude thinks with at least {MIN_BUDGET} tokens, which max tokens does not leave room for"
        policy.unsupported(request.named("reasoning"), message)
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def thinks(fields: Json) -> bool:
    """Whether these fields let the model think."""
    return fields.get("thinking", {}).get("type") in ("enabled", "adaptive")


def sampling_fields(request: Request, model: str, policy: Policy, *, thinking: bool) -> Json:
    """`temperature`, `top_p`, `top_k`: 0 to 1, and only what the model takes. Neutral values are left out."""
    fields: Json = {}
    if request.temperature is not None and request.temperature != 1:
        fields["temperature"] = request.temperature
    if request.top_p is not None and request.top_p != 1:
        fields["top_p"] = request.top_p
    if request.top_k is not None:
        fields["top_k"] = request.top_k
    for name in list(fields):
        reason = _reason_against(name, fields, model, thinking=thinking)
        if reason:
            policy.unsupported(request.named(name), reason)
            del fields[name]
    return fields


def _reason_against(name: str, fields: Json, model: str, *, thinking: bool) -> str | None:
    if version(model) > SAMPLING_UNTIL:
        return f"{model} takes no sampling parameters"
    if name == "temperature" and not 0 <= fields[name] <= 1:
        return "Claude's temperature goes from 0 to 1"
    if thinking and not (name == "top_p" and fields[name] >= 0.95):
        return "Claude does not take it together with thinking"
    if name == "top_p" and "temperature" in fields and version(model) >= ONE_SAMPLING_SINCE:
        return f"{model} takes temperature or top_p, not both"
    return None
