"""Refusing what a provider has no equivalent for."""

from collections.abc import Mapping

from tallygate.edge.dialects.common.errors import Policy
from tallygate.edge.dialects.common.request import Request

NEUTRAL: Mapping[str, object] = {"presence_penalty": 0, "frequency_penalty": 0, "verbosity": "medium"}
"""Values that ask for nothing."""


def refuse(request: Request, policy: Policy, attributes: Mapping[str, str]) -> None:
    """Refuse those attributes that are set, each with its reason, and unset them if they may be dropped."""
    for attribute, reason in attributes.items():
        value = getattr(request, attribute)
        if value is None or value == NEUTRAL.get(attribute, ...):
            continue
        policy.unsupported(request.named(attribute), reason)
        setattr(request, attribute, None)
