"""Events: what the edge says happened. They are facts and are never changed."""

from typing import Any, Literal

from tallygate.schemas.call import Body, CallContext, CallResult, Count, Origin


class RequestEvent(CallContext):
    """A call has arrived and will be forwarded or refused.

    It carries no body: the body travels once, with the response event, so that every consumer can work on
    that one record alone.
    """

    event: Literal["llm.request"] = "llm.request"
    schema_version: Literal[1] = 1
    event_id: str
    """UUIDv7."""
    origin: Origin
    request_bytes: Count | None = None
    """Length of the request's body, None if the caller did not say."""


class ResponseEvent(CallResult):
    """A call has ended. Enough to price, total and store it, without its request event."""

    event: Literal["llm.response"] = "llm.response"
    schema_version: Literal[1] = 1
    event_id: str
    origin: Origin
    usage: dict[str, Any] | None = None
    """The provider's usage object in its own shape (for Anthropic's streams: all parts merged)."""
    usage_flavor: str = ""
    """The API whose shape `usage` has: `openai.chat`, `openai.responses`, `openai.embeddings`,
    `anthropic.messages`, `google.generate`."""
    service_tier: str = ""
    """As the provider reported it (`default`, `batch`, `flex`, `priority`)."""
    model_override: str = ""
    """Model to price as, if the caller named one."""
    request_body: Body | None = None
    response_body: Body | None = None
    """As sent by the provider: of a stream, its raw server-sent events."""
