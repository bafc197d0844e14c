"""The state of one call, from its arrival to its record."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import uuid_utils

from tallygate.edge.capture import Capture
from tallygate.edge.errors import Dialect
from tallygate.edge.labels import NO_LABELS, Labels
from tallygate.edge.routing.operations import Operation
from tallygate.edge.usage.found import Found

if TYPE_CHECKING:
    from tallygate.edge.events import Ending

MAX_PATH_CHARS = 2048
MAX_NAME_CHARS = 256
MAX_USER_CHARS = 1024
_MIN_SECRET_CHARS = 8
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def now_us() -> int:
    """Microseconds since the Unix epoch."""
    return time.time_ns() // 1000


def elapsed_us(since_ns: int) -> int:
    """Microseconds since a reading of the monotonic clock."""
    return (time.monotonic_ns() - since_ns) // 1000


@dataclass(slots=True)
class AttemptState:
    """One try of one provider, while it runs."""

    provider: str
    model: str
    started_at_us: int
    started_ns: int
    status: int = 0
    error: str = ""
    latency_us: int = 0
    delay_us: int = 0
    """Wait before it."""
    ended: bool = False

    def end(self, error: str = "") -> None:
        """It is over; only the first end counts."""
        if not self.ended:
            self.ended = True
            self.error = error
            self.latency_us = elapsed_us(self.started_ns)


@dataclass(slots=True)
class Call:
    """What is known of a call so far."""

    method: str
    path: str
    """As called, without the query."""
    received_at_us: int = field(default_factory=now_us)
    started_ns: int = field(default_factory=time.monotonic_ns)
    request_id: str = field(default_factory=lambda: str(uuid_utils.uuid7()))
    call_id: str = field(default_factory=lambda: uuid_utils.uuid4().hex)
    """Of this call alone: callers may repeat their own ids."""
    project: str = "default"
    key_id: str = ""
    operation: Operation | None = None
    labels: Labels = NO_LABELS
    user_id: str = ""
    model_requested: str = ""
    stream: bool = False
    request_bytes: int | None = None
    provider: str = ""
    model: str = ""
    """The model asked of the provider."""
    secrets: set[str] = field(default_factory=set, repr=False)
    """Keys that this call knows: they never get into its record."""
    attempts: list[AttemptState] = field(default_factory=list)
    request_capture: Capture | None = None
    response_capture: Capture | None = None
    found: Found = field(default_factory=Found)
    rate_limit: dict[str, str] = field(default_factory=dict)
    provider_request_id: str = ""
    ttft_us: int | None = None
    stops: tuple[tuple[str, str], ...] = ()
    """Provider and model of every try that may be made."""
    fallback_index: int = 0
    """Of the stop that is tried, or was tried last."""
    usage_flavor: str = ""
    """In which shape the provider tells usage."""
    retry_after_s: int | None = None
    """When the gateway itself would have the caller come again."""
    cache: Literal["", "hit", "miss"] = ""
    answer_headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """The gateway's, besides those that every answer has."""
    on_end: list["Callable[[Call, Ending], None]"] = field(default_factory=list, repr=False)
    """Each is called once, after the record; must neither block nor raise."""
    upstream_wait_us: int = 0
    """Time spent waiting for the caller's body or the provider: not the gateway's own."""
    begun: bool = False
    """Its request event was written, or was tried to be."""
    ended: bool = False
    """Its response event was written, or was tried to be."""

    recorded: tuple[str, int] | None = None
    """Edge and number of its response event, once that is in the outbox."""

    @property
    def dialect(self) -> Dialect:
        """Whose error objects the caller understands."""
        return self.operation.dialect if self.operation is not None else "openai"

    @property
    def endpoint(self) -> str:
        """Name of the operation, empty if there is none."""
        return self.operation.name if self.operation is not None else ""

    def label(self, labels: Labels) -> None:
        """Take over what the gateway's headers say."""
        self.labels = labels
        self.request_id = labels.request_id or self.request_id
        self.user_id = labels.user_id

    def keep_secret(self, secret: str) -> None:
        """Remember a key. Shorter ones are no keys, and would garble texts."""
        if len(secret) >= _MIN_SECRET_CHARS:
            self.secrets.add(secret)

    def go_to(self, index: int, provider: str, model: str) -> None:
        """The next try is of this stop."""
        self.fallback_index, self.provider, self.model = index, provider, model

    def forget_answer(self) -> None:
        """An answer broke off before the caller had any of it, and another one is tried."""
        self.found, self.response_capture, self.ttft_us = Found(), None, None

    def begin_attempt(self, delay_us: int = 0) -> AttemptState:
        """A try of the current provider starts, after a wait."""
        attempt = AttemptState(self.provider, self.model, now_us(), time.monotonic_ns(), delay_us=delay_us)
        self.attempts.append(attempt)
        return attempt

    def context(self) -> dict[str, Any]:
        """The fields of `schemas.call.CallContext`."""
        labels = self.labels
        return {
            "request_id": self.request_id,
            "project": self.project,
            "key_id": self.key_id,
            "user_id": clean(self.user_id, MAX_USER_CHARS),
            "session_id": labels.session_id,
            "session_name": labels.session_name,
            "session_path": labels.session_path,
            "prompt_id": labels.prompt_id,
            "prompt_version": labels.prompt_version,
            "properties": labels.properties,
            "method": self.method,
            "path": clean(self.path, MAX_PATH_CHARS),
            "endpoint": clean(self.endpoint, MAX_NAME_CHARS),
            "model_requested": clean(self.model_requested, MAX_NAME_CHARS),
            "stream": self.stream,
            "received_at_us": self.received_at_us,
        }


def clean(text: str, max_chars: int) -> str:
    """A caller's text, made fit for a record: bounded, without control characters or lone surrogates."""
    text = text[:max_chars]
    return text if text.isprintable() else _UNPRINTABLE.sub("\ufffd", text)
