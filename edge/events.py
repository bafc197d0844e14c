"""Events as plain dictionaries, encoded with orjson: a tenth of the cost of the models in `schemas`.

Tests hold these equal to `schemas.events`: no field is missing, none is unknown.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import uuid_utils

from tallygate.edge.call import MAX_NAME_CHARS, AttemptState, Call, clean, elapsed_us, now_us
from tallygate.edge.capture import Capture, redact, without_cut_secret
from tallygate.edge.usage.found import flavor_of
from tallygate.schemas.call import Outcome

MAX_MESSAGE_CHARS = 512
_OWN_WORDS = frozenset(
    {
        "event",
        "event_id",
        "edge_id",
        "request_id",
        "project",
        "key_id",
        "provider",
        "outcome",
        "cache",
        "usage_flavor",
        "encoding",
    }
)
"""Fields whose values are the gateway's own words, not a caller's or a provider's."""
_OTHERS_NAMES = frozenset({"properties", "rate_limit", "usage"})
"""Fields whose parts are named by others."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended."""

    status: int
    """Sent to the caller; 499 if it left first."""
    outcome: Outcome
    error_code: str = ""
    error_message: str = ""


def request_event(call: Call, edge_id: str, seq: int) -> dict[str, Any]:
    """A `RequestEvent`."""
    return call.context() | {
        "event": "llm.request",
        "schema_version": 1,
        "event_id": str(uuid_utils.uuid7()),
        "origin": {"edge_id": edge_id, "seq": seq},
        "request_bytes": call.request_bytes,
    }


def response_event(call: Call, ending: Ending, edge_id: str, seq: int) -> dict[str, Any]:
    """A `ResponseEvent`."""
    found, labels = call.found, call.labels
    return call.context() | {
        "event": "llm.response",
        "schema_version": 1,
        "event_id": str(uuid_utils.uuid7()),
        "origin": {"edge_id": edge_id, "seq": seq},
        "provider": call.provider,
        "model": clean(found.model or call.model, MAX_NAME_CHARS),
        "provider_request_id": clean(call.provider_request_id, MAX_NAME_CHARS),
        "status": ending.status,
        "outcome": ending.outcome,
        "error_code": clean(ending.error_code, MAX_NAME_CHARS),
        "error_message": _message(ending.error_message, call.secrets),
        "ended_at_us": now_us(),
        "latency_us": elapsed_us(call.started_ns),
        "ttft_us": call.ttft_us,
        "cache": call.cache,
        "attempts": [_attempt(attempt) for attempt in call.attempts],
        "rate_limit": call.rate_limit,
        "webhook": labels.webhook,
        "usage": found.usage,
        "usage_flavor": flavor_of(found.usage, call.usage_flavor),
        "service_tier": found.service_tier,
        "model_override": labels.model_override,
        "request_body": None if labels.omit_request else _body(call.request_capture, call),
        "response_body": None if labels.omit_response else _body(call.response_capture, call),
    }


def without_bodies(event: Mapping[str, Any]) -> dict[str, Any]:
    """A response event that keeps the sizes of its bodies and not their texts."""
    slim = dict(event)
    for key in ("request_body", "response_body"):
        if slim[key] is not None:
            slim[key] = slim[key] | {"text": "", "encoding": "utf-8", "truncated": True}
    return slim


def encode(event: Mapping[str, Any], secrets: Collection[str] = ()) -> bytes:
    """The event as JSON, without the secrets, wherever a provider or a caller put them."""
    encoded = _dumped(event)
    if any(_dumped(secret)[1:-1] in encoded for secret in secrets):
        return _dumped(_redacted(event, secrets))
    return encoded


def _dumped(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # a lone surrogate that came in through a header or a body
        return orjson.dumps(_encodable(value))


def _redacted(value: Any, secrets: Collection[str], name: str = "") -> Any:
    """A field of an event without the secrets.

    What the gateway itself says stays as it is: a caller whose key is `llm.response` or `anthropic` would
    else have no readable record, or none that is priced.
    """
    if isinstance(value, Mapping):
        return {
            _redacted(key, secrets) if name == "properties" else key: _redacted(
                item, secrets, name if name in _OTHERS_NAMES else key
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_redacted(item, secrets, name) for item in value]
    if isinstance(value, str) and name not in _OWN_WORDS:
        return redact(value.encode("utf-8", "replace"), secrets).decode()
    return value


def _message(text: str, secrets: Collection[str]) -> str:
    """A message of a bounded length; where it was cut, no part of a secret is left."""
    if len(text) >= MAX_MESSAGE_CHARS:
        cut = text[:MAX_MESSAGE_CHARS].encode("utf-8", "replace")
        text = without_cut_secret(cut, secrets).decode("utf-8", "replace")
    return clean(text, MAX_MESSAGE_CHARS)


def _attempt(attempt: AttemptState) -> dict[str, Any]:
    return {
        "provider": attempt.provider,
        "model": clean(attempt.model, MAX_NAME_CHARS),
        "status": attempt.status,
        "error": attempt.error,
        "started_at_us": attempt.started_at_us,
        "latency_us": attempt.latency_us,
        "delay_us": attempt.delay_us,
    }


def _body(capture: Capture | None, call: Call) -> dict[str, Any] | None:
    return capture.body(call.secrets) if capture is not None and capture.size_bytes else None


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value
