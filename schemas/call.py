"""What is known of a call: shared by its request event, its response event and its priced record."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tallygate.schemas.model import Record

Micros = Annotated[int, Field(ge=0)]
"""A duration in microseconds, or a time in microseconds since the Unix epoch, UTC."""
Nanos = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""Money in nano-dollars: 1 USD is 1_000_000_000."""
Count = Annotated[int, Field(ge=0, lt=2**63)]


class Outcome(StrEnum):
    """How a call ended, as seen by the caller."""

    OK = "ok"
    PROVIDER_ERROR = "provider_error"
    TIMEOUT = "timeout"
    CLIENT_CANCELLED = "client_cancelled"
    REJECTED = "rejected"
    CACHE_HIT = "cache_hit"


class Origin(Record):
    """Where an event was born: the outbox that wrote it, and its number there.

    Sequence numbers of one edge only grow, with gaps; they are what makes "counted once" possible.
    """

    edge_id: Annotated[str, Field(min_length=1, max_length=64)]
    seq: Count


class CallContext(Record):
    """Who made a call, to what, and under which labels."""

    request_id: str
    """UUID: the client's own, or a UUIDv7 of the edge."""
    project: str
    key_id: str = ""
    """Public id of the gateway key; never the key."""
    user_id: str = ""
    session_id: str = ""
    session_name: str = ""
    session_path: str = ""
    prompt_id: str = ""
    prompt_version: str = ""
    properties: dict[str, str] = {}
    method: str
    path: str
    """Path as called, without its query string (which may carry a key)."""
    endpoint: str
    """The API operation, as `chat/completions`, `messages`; the path below the version otherwise."""
    model_requested: str = ""
    stream: bool = False
    received_at_us: Micros


class Attempt(Record):
    """One try of one provider."""

    provider: str
    model: str = ""
    status: Annotated[int, Field(ge=0, le=999)] = 0
    """HTTP status, 0 if there was no response."""
    error: str = ""
    """Empty, or what went wrong: `connect`, `timeout`, `status`, `closed`, `protocol`."""
    started_at_us: Micros
    latency_us: Micros = 0
    """To the response's last byte, or to the failure."""
    delay_us: Micros = 0
    """Wait before this try."""


class Body(Record):
    """A captured request or response body."""

    text: str
    encoding: Literal["utf-8", "base64"] = "utf-8"
    size_bytes: Count
    """Size on the wire, before truncation."""
    truncated: bool = False


class CallResult(CallContext):
    """A finished call, as the edge saw it."""

    provider: str = ""
    model: str = ""
    """The model that answered, as the provider names it; else the one that was asked for there."""
    provider_request_id: str = ""
    status: Annotated[int, Field(ge=0, le=999)]
    """HTTP status sent to the caller; 499 if the caller left first."""
    outcome: Outcome
    error_code: str = ""
    error_message: str = ""
    ended_at_us: Micros
    latency_us: Micros
    """From the request's arrival to the last byte sent."""
    ttft_us: Micros | None = None
    """To the first byte of the answer's body; None if there was none."""
    cache: Literal["", "hit", "miss"] = ""
    attempts: tuple[Attempt, ...] = ()
    rate_limit: dict[str, str] = {}
    """The provider's rate-limit headers, names in lower case."""
    webhook: bool = False
    """Its caller asked for its record to be sent to the project's call webhooks."""
