"""How much a model of Bedrock's is to think: each maker's models have a field of their own for it."""

from tallygate.edge.dialects.anthropic.models import is_claude
from tallygate.edge.dialects.anthropic.thinking import thinking_fields
from tallygate.edge.dialects.common.effort import effort_of, is_off
from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import Request

NO_LIMIT = 1 << 30
"""Without `maxTokens` Bedrock lets a model say as much as it can."""
NOVA = {"minimal": "low", "xhigh": "high", "max": "high"}


def reasoning_fields(request: Request, model: str, policy: Policy) -> Json:
    """`additionalModelRequestFields`, and Claude's effort as a key of its own, `effort`."""
    if request.reasoning is None:
        return {}
    if is_claude(model):
        fields = thinking_fields(request, model, request.max_tokens or NO_LIMIT, policy)
        effort = {"effort": fields.pop("effort")} if "effort" in fields else {}
        return ({"additionalModelRequestFields": fields} if fields else {}) | effort
    effort_word = effort_of(request.reasoning)
    if is_off(request.reasoning) or effort_word is None:
        return {}
    if "openai." in model:
        return {"additionalModelRequestFields": {"reasoning_effort": effort_word}}
    if "nova-2" in model:
        config = {"type": "enabled", "maxReasoningEffort": NOVA.get(effort_word, effort_word)}
        return {"additionalModelRequestFields": {"reasoningConfig": config}}
    policy.unsupported(request.named("reasoning"), f"no way is known to tell {model} how hard to think")
    return {}
