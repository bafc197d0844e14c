"""Under which keys a call is totalled."""

from typing import NamedTuple, cast, get_args

import orjson

from tallygate.schemas.codec import BadRecordError
from tallygate.schemas.records import Call
from tallygate.schemas.totals import Dimension

_DIMENSIONS: frozenset[str] = frozenset(get_args(Dimension))


class UsageKey(NamedTuple):
    """One running total: a value of a dimension of a project."""

    project: str
    dimension: Dimension
    name: str
    """Of a property, its name in lower case; of a step of a workflow, the workflow; else empty."""
    value: str


def keys_of(call: Call) -> list[UsageKey]:
    """Every key that a call counts under, each once.

    Empty values have no total: what is not under any user is the project's total less all users'. Of
    properties whose names differ in case only, the last one counts.
    """
    project = call.project
    keys = [UsageKey(project, "project", "", project)]
    if call.user_id:
        keys.append(UsageKey(project, "user", "", call.user_id))
    if call.key_id:
        keys.append(UsageKey(project, "key", "", call.key_id))
    if model := call.model or call.model_requested:
        keys.append(UsageKey(project, "model", "", model))
    if call.provider:
        keys.append(UsageKey(project, "provider", "", call.provider))
    if call.session_id:
        keys.append(UsageKey(project, "session", "", call.session_id))
    if call.properties:
        values = {name.lower(): value for name, value in call.properties.items()}
        keys += [UsageKey(project, "property", name, value) for name, value in values.items() if value]
        if workflow := values.get("workflow"):
            keys.append(UsageKey(project, "workflow", "", workflow))
            if step := values.get("step"):
                keys.append(UsageKey(project, "workflow", workflow, step))
    return keys


def encode_key(key: UsageKey) -> bytes:
    """The key as bytes: a message's key and a table's. A JSON list, so that no text can imitate another."""
    return orjson.dumps(list(key))


def decode_key(data: bytes) -> UsageKey:
    """The reverse of `encode_key`.

    Raises:
        BadRecordError: not such a key.
    """
    try:
        parts = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRecordError(f"usage key: {error}") from error
    if not (isinstance(parts, list) and len(parts) == 4 and all(isinstance(part, str) for part in parts)):
        raise BadRecordError("usage key: not a list of four strings")
    project, dimension, name, value = parts
    if dimension not in _DIMENSIONS:
        raise BadRecordError(f"usage key: {dimension!r} is no dimension")
    return UsageKey(project, cast("Dimension", dimension), name, value)
