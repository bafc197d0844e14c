"""The common form of an answer, whole or as a stream of events."""

from dataclasses import dataclass, field
from typing import Literal

from tallygate.edge.dialects.common.errors import ErrorInfo
from tallygate.edge.dialects.common.request import RedactedThinking, Text, Thinking, ToolCall

Finish = Literal["stop", "stop_sequence", "length", "tool_calls", "content_filter", "context_length", "pause"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as a caller is shown them (accounting reads the provider's own object instead)."""

    input_tokens: int = 0
    """All input, read from a cache or written to one included."""
    output_tokens: int = 0
    """All output, reasoning included."""
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model declined, in words."""

    text: str


AnswerPart = Text | ToolCall | Thinking | RedactedThinking | Refusal


@dataclass(slots=True)
class Answer:
    """A complete answer."""

    id: str = ""
    model: str = ""
    parts: list[AnswerPart] = field(default_factory=list)
    finish: Finish = "stop"
    stop_sequence: str | None = None
    usage: Usage = field(default_factory=Usage)
    service_tier: str | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """The first event of a stream."""

    id: str = ""
    model: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text."""

    text: str


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """More of a refusal."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of a thought."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingEnd:
    """A thought is complete; its signature, if it has one."""

    signature: str = ""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A thought that only Claude can read."""

    data: str


@dataclass(frozen=True, slots=True)
class ToolStart:
    """A tool call begins."""

    index: int
    """Number of the call within the answer."""
    id: str
    name: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """More of a tool call's arguments."""

    index: int
    arguments: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Why the model stopped."""

    reason: Finish
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """Token counts so far; replaces what was seen before."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class End:
    """The answer is complete."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The stream broke."""

    error: ErrorInfo


Event = (
    Start
    | TextDelta
    | RefusalDelta
    | ThinkingDelta
    | ThinkingEnd
    | Redacted
    | ToolStart
    | ToolDelta
    | Finished
    | UsageSeen
    | End
    | Failed
)
