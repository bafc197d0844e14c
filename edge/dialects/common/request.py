"""The common form of a request."""

from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Cache:
    """A mark: the prompt up to here is worth caching. A hint: it never changes the answer."""

    ttl: str | None = None
    """As Anthropic says it (`5m`, `1h`)."""


@dataclass(frozen=True, slots=True)
class Inline:
    """A medium in the request itself."""

    media_type: str
    data: str
    """Base64."""


@dataclass(frozen=True, slots=True)
class Link:
    """A medium that the provider fetches."""

    url: str


Source = Inline | Link


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text."""

    text: str
    where: str = ""
    cache: Cache | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture."""

    source: Source
    where: str = ""
    cache: Cache | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file to read: PDF, text, office formats."""

    source: Source
    where: str = ""
    cache: Cache | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    """Spoken input."""

    source: Inline
    where: str = ""
    cache: Cache | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asked for a tool."""

    id: str
    name: str
    arguments: str
    """JSON text, as the model wrote it."""
    where: str = ""
    cache: Cache | None = None
    signature: str | None = None
    """Google's thought signature."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave."""

    call_id: str
    parts: "tuple[Text | Image | Document, ...]"
    where: str = ""
    cache: Cache | None = None
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Thinking:
    """A thought of the model, with the signature that lets Claude trust it when it comes back."""

    text: str
    signature: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    """A thought that only Claude can read."""

    data: str
    where: str = ""


Part = Text | Image | Document | Audio | ToolCall | ToolResult | Thinking | RedactedThinking


@dataclass(slots=True)
class Turn:
    """One message."""

    role: Role
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str | None
    schema: dict[str, Any]
    where: str
    strict: bool | None = None
    cache: Cache | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Which tool to call."""

    mode: Literal["auto", "none", "required", "named"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """The answer must be JSON; without a schema, any object."""

    schema: dict[str, Any] | None = None
    name: str = "answer"
    description: str | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much to think."""

    effort: Effort | None = None
    budget_tokens: int | None = None
    off: bool = False
    summary: bool = False
    """The caller wants to read the thoughts."""


@dataclass(slots=True)
class Request:
    """A request for one answer."""

    turns: list[Turn] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = field(default_factory=list)
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    format: JsonFormat | None = None
    reasoning: Reasoning | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    stream: bool = False
    cache_all: bool = False
    """Anthropic's automatic caching."""
    names: dict[str, str] = field(default_factory=dict)
    """What the caller calls an attribute of this, where the two differ."""

    def named(self, attribute: str) -> str:
        """The caller's name of a field."""
        return self.names.get(attribute, attribute)
