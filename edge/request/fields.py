"""What the gateway reads in a request's body."""

import json
from dataclasses import dataclass
from typing import Any

import orjson

from tallygate.edge.errors import GatewayError, invalid_request


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a body that matter for routing and records."""

    model: str = ""
    stream: bool = False
    asks_usage: bool = False
    """The caller itself asked for usage in the stream."""
    user: str = ""


NO_FIELDS = Fields()


def parse_object(body: bytes) -> dict[str, Any] | None:
    """A body as a JSON object; None if it is not one.

    orjson refuses some texts that others take (lone surrogates, NaN): they are the provider's to judge.
    """
    value: Any
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def read(body: dict[str, Any], *, strict: bool) -> Fields:
    """Pick the fields.

    Args:
        body: the parsed body, or a part of its fields.
        strict: refuse a model that is no string; otherwise treat it as absent.

    Raises:
        GatewayError: 400 `invalid_request`.
    """
    model = body.get("model")
    if not isinstance(model, str):
        if strict and model is not None:
            raise _bad_type("model", "a string")
        model = ""
    stream = body.get("stream")
    if strict and stream is not None and not isinstance(stream, bool):
        raise _bad_type("stream", "a boolean")
    options = body.get("stream_options")
    return Fields(
        model=model,
        stream=stream is True,
        asks_usage=isinstance(options, dict) and options.get("include_usage") is True,
        user=_user(body),
    )


def _user(body: dict[str, Any]) -> str:
    """OpenAI's `user`, or Anthropic's `metadata.user_id`."""
    user = body.get("user")
    if user is None and isinstance(metadata := body.get("metadata"), dict):
        user = metadata.get("user_id")
    return user if isinstance(user, str) else ""


def _bad_type(field: str, wanted: str) -> GatewayError:
    return invalid_request(f"The field `{field}` must be {wanted}.", param=field)
