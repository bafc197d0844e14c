"""What calls are grouped by."""

from typing import Annotated

from pydantic import AfterValidator, Field

from tallygate.analytics.requests.clause import Clause
from tallygate.schemas.filter_fields import MAX_PROPERTY_CHARS, PROPERTY_PREFIX

WORKFLOW = "if(properties['workflow'] != '', properties['workflow'], session_name)"
"""A workflow's name: that of the property, else of the session."""
STEP = "if(properties['step'] != '', properties['step'], session_path)"
"""A workflow's step."""
COLUMNS = {
    "model": "model",
    "model_requested": "model_requested",
    "provider": "provider",
    "user": "user_id",
    "key": "key_id",
    "endpoint": "endpoint",
    "outcome": "outcome",
    "status": "toString(status)",
    "error_code": "error_code",
    "session": "session_id",
    "session_name": "session_name",
    "prompt": "prompt_id",
    "prompt_version": "prompt_version",
    "cache": "cache",
    "stream": "toString(stream)",
    "service_tier": "service_tier",
    "workflow": WORKFLOW,
    "step": STEP,
}
HOURLY = frozenset({"model", "provider", "key", "endpoint", "outcome"})
"""Dimensions that the projection `hourly` has."""
DAILY = frozenset({"user", "provider", "model", "outcome"})
"""Dimensions that the projection `daily_by_user` has."""


def known(name: str) -> str:
    """The name of a dimension.

    Raises:
        ValueError: it is none.
    """
    if name.startswith(PROPERTY_PREFIX):
        if not 1 <= len(name.removeprefix(PROPERTY_PREFIX)) <= MAX_PROPERTY_CHARS:
            raise ValueError(f"a property's name has 1 to {MAX_PROPERTY_CHARS} characters")
    elif name not in COLUMNS:
        raise ValueError(f"is none of {', '.join(COLUMNS)} or property.<name>")
    return name


Dimension = Annotated[
    str,
    AfterValidator(known),
    Field(description=f"One of {', '.join(COLUMNS)}, or `property.<name>`.", examples=["model"]),
]


def column(dimension: str, key: str) -> Clause:
    """The dimension's value, a text; a property's name is the parameter `key`."""
    if dimension in COLUMNS:
        return Clause(COLUMNS[dimension], {})
    name = dimension.removeprefix(PROPERTY_PREFIX).lower()
    return Clause(f"properties[{{{key}:String}}]", {key: name})
