"""A call's group under a rule."""

from collections.abc import Callable

from tallygate.schemas.records import Call

GroupOf = Callable[[Call], str | None]
"""The group that a call counts in; None: in none."""
PROPERTY_PREFIX = "property."
_LABELS: dict[str, Callable[[Call], str]] = {
    "user": lambda call: call.user_id,
    "key": lambda call: call.key_id,
    "model": lambda call: call.model or call.model_requested,
    "provider": lambda call: call.provider,
}


def group_of(group_by: str) -> GroupOf:
    """How a rule groups calls.

    Raises:
        ValueError: by nothing that there is.
    """
    if not group_by:
        return lambda _call: ""
    if group_by.startswith(PROPERTY_PREFIX):
        name = group_by.removeprefix(PROPERTY_PREFIX)
        return lambda call: _property(call, name)
    label = _LABELS.get(group_by)
    if label is None:
        raise ValueError(f"calls have no {group_by!r} to be grouped by")
    return lambda call: label(call) or None


def _property(call: Call, name: str) -> str | None:
    """Of names that differ in case only, the last one counts, as everywhere."""
    found = [value for key, value in call.properties.items() if key.lower() == name]
    return (found[-1] or None) if found else None
