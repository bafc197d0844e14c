"""Reasoning effort and thinking budgets.

OpenAI says how hard to think in a word, Claude's older models and Gemini 2.5 in tokens. The budgets for a
word are those of Google's OpenAI-compatible endpoint (low 1 024, medium 8 192, high 24 576); what that
lacks is put between and above. Back, a budget becomes the nearest word at or above it.
"""

from tallygate.edge.dialects.common.request import Effort, Reasoning

BUDGETS: dict[Effort, int] = {
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 65_536,
}


def budget_of(reasoning: Reasoning) -> int | None:
    """Thinking budget in tokens, None if nothing was said about it."""
    if reasoning.budget_tokens is not None:
        return reasoning.budget_tokens
    return BUDGETS.get(reasoning.effort) if reasoning.effort else None


def effort_of(reasoning: Reasoning) -> Effort | None:
    """Effort as a word, None if nothing was said about it."""
    if reasoning.effort is not None or reasoning.budget_tokens is None:
        return reasoning.effort
    if reasoning.budget_tokens <= BUDGETS["low"]:
        return "low"
    return "medium" if reasoning.budget_tokens <= BUDGETS["medium"] else "high"


def is_off(reasoning: Reasoning | None) -> bool:
    """Whether thinking was explicitly declined."""
    return reasoning is not None and (reasoning.off or reasoning.effort == "none")
