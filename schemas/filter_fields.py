"""What a filter can ask about a call: columns of the view `calls`, and how each is read from a `Call`."""

from collections.abc import Callable
from enum import Enum, auto
from operator import attrgetter
from typing import Any, NamedTuple

from tallygate.schemas.records import Call

PROPERTY_PREFIX = "property."
MAX_PROPERTY_CHARS = 64


class Kind(Enum):
    """What the values of a field are."""

    TEXT = auto()
    PROPERTY = auto()
    INTEGER = auto()
    USD = auto()
    """Asked in dollars, kept in nano-dollars."""
    MILLISECONDS = auto()
    TIME = auto()
    FLAG = auto()


class Field(NamedTuple):
    """A field.

    `read` gives what the column of ClickHouse holds: nano-dollars for money, microseconds since the epoch for
    a time, None for NULL.
    """

    kind: Kind
    column: str
    read: Callable[[Call], Any]
    nullable: bool = False


def _plain(kind: Kind, *names: str, nullable: bool = False) -> dict[str, Field]:
    return {name: Field(kind, name, attrgetter(name), nullable) for name in names}


def _usd(*names: str) -> dict[str, Field]:
    """Money, under its name in dollars and under that in nano-dollars."""
    fields = _plain(Kind.INTEGER, *(f"{name}_nanos" for name in names), nullable=True)
    in_usd = {f"{name}_usd": fields[f"{name}_nanos"]._replace(kind=Kind.USD) for name in names}
    return fields | in_usd


def _times(*names: str) -> dict[str, Field]:
    return {name: Field(Kind.TIME, name, attrgetter(f"{name}_us")) for name in names}


def _ttft_ms(call: Call) -> float | None:
    return None if call.ttft_us is None else call.ttft_us / 1000


FIELDS: dict[str, Field] = {
    **_plain(Kind.TEXT, "request_id", "user_id", "key_id", "session_id", "session_name", "session_path"),
    **_plain(Kind.TEXT, "prompt_id", "prompt_version", "method", "path", "endpoint", "model_requested"),
    **_plain(Kind.TEXT, "model", "provider", "provider_request_id", "outcome", "error_code", "error_message"),
    **_plain(Kind.TEXT, "token_source", "price_ref", "service_tier", "cache", "prompt", "response"),
    **_plain(Kind.INTEGER, "status", "input_tokens", "output_tokens", "cached_input_tokens"),
    **_plain(Kind.INTEGER, "cache_write_tokens", "reasoning_tokens", "input_audio_tokens"),
    **_plain(Kind.INTEGER, "output_audio_tokens", "prompt_bytes", "response_bytes"),
    "attempts": Field(Kind.INTEGER, "attempts", lambda call: len(call.attempts)),
    **_usd("cost", "input_cost", "output_cost", "cache_saved"),
    "latency_ms": Field(Kind.MILLISECONDS, "latency_ms", lambda call: call.latency_us / 1000),
    "ttft_ms": Field(Kind.MILLISECONDS, "ttft_ms", _ttft_ms, nullable=True),
    **_times("received_at", "ended_at"),
    **_plain(Kind.FLAG, "stream", "priced"),
}


def field_of(name: str) -> Field | None:
    """The field of a name, which may be `property.<name>`; None if there is none."""
    if not name.startswith(PROPERTY_PREFIX):
        return FIELDS.get(name)
    key = name.removeprefix(PROPERTY_PREFIX)
    if not 1 <= len(key) <= MAX_PROPERTY_CHARS:
        return None
    key = key.lower()
    return Field(Kind.PROPERTY, key, lambda call: _property(call, key), nullable=True)


def _property(call: Call, key: str) -> str | None:
    """Names are compared without case; of those that differ in case only, the last one counts."""
    value = None
    for name, candidate in call.properties.items():
        if name.lower() == key:
            value = candidate
    return value
