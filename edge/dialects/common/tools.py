"""Tools: ids that every provider takes, arguments as objects, schemas."""

import hashlib
import re
from typing import Any

import orjson

from tallygate.edge.dialects.common.errors import InvalidFieldError
from tallygate.edge.dialects.common.request import Request, ToolCall

MAX_ID = 64
EMPTY_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}


def safe_id(call_id: str) -> str:
    """The same id for the same call, in letters, digits, `_` and `-`, at most 64: what Anthropic and
    Bedrock take."""
    safe = re.sub(r"[^a-zA-Z0-9_-]", "_", call_id)
    if safe == call_id and len(safe) <= MAX_ID and safe:
        return safe
    digest = hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{safe[: MAX_ID - 17]}_{digest}"


def arguments_object(call: ToolCall) -> dict[str, Any]:
    """Arguments of a call as an object.

    Raises:
        InvalidFieldError: they are no JSON object.
    """
    try:
        value = orjson.loads(call.arguments) if call.arguments.strip() else {}
    except orjson.JSONDecodeError as error:
        raise InvalidFieldError(call.where, "arguments must be JSON") from error
    if not isinstance(value, dict):
        raise InvalidFieldError(call.where, "arguments must be a JSON object")
    return value


def tool_names(request: Request) -> dict[str, str]:
    """Names of the tools that were called, by call id."""
    return {part.id: part.name for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}


def sealed(schema: Any) -> Any:
    """A JSON schema whose objects take no further properties, unless it says something about them.

    Claude's structured output demands it of every object.
    """
    if isinstance(schema, list):
        return [sealed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: sealed(value) for key, value in schema.items()}
    if result.get("type") == "object" and "additionalProperties" not in result:
        result["additionalProperties"] = False
    return result
