"""What Claude's models take, by their names.

Sources: Anthropic's migration guides and its pages on thinking, effort and structured outputs. A name
without a version that can be read counts as newest.
"""

import re

from tallygate.edge.dialects.common.request import JsonFormat

Version = tuple[int, int]
NEWEST: Version = (99, 0)
_AFTER_FAMILY = re.compile(r"claude-(?:opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_BEFORE_FAMILY = re.compile(r"claude-(?:instant-)?v?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")

ADAPTIVE_SINCE: Version = (4, 6)
"""`thinking: adaptive` and `output_config.effort`."""
BUDGET_UNTIL: Version = (4, 6)
"""`thinking: enabled` with a token budget, as models before the adaptive ones need it."""
SAMPLING_UNTIL: Version = (4, 6)
"""`temperature`, `top_p`, `top_k`; later models refuse all but the defaults."""
ONE_SAMPLING_SINCE: Version = (4, 1)
"""From here on `temperature` and `top_p` exclude each other."""
STRUCTURED_SINCE: Version = (4, 1)
"""`output_config.format`."""


def version(model: str) -> Version:
    """Major and minor version of a model, however its provider decorates the name."""
    match = _AFTER_FAMILY.search(model) or _BEFORE_FAMILY.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else NEWEST


def is_claude(model: str) -> bool:
    """Whether a model of another provider's list is Claude."""
    return "claude" in model


def default_max_tokens(model: str) -> int:
    """`max_tokens` when the caller sets none: Anthropic requires one, OpenAI's default is the model's most.

    The most that every model of the generation takes.
    """
    known = version(model)
    if known >= (4, 0):
        return 32_000
    return 8_192 if known >= (3, 5) else 4_096


def needs_json_tool(model: str, wanted: JsonFormat | None) -> bool:
    """Whether a schema must be enforced by a forced tool, for want of structured outputs."""
    return wanted is not None and wanted.schema is not None and version(model) < STRUCTURED_SINCE
