"""Shared by the tests of translation: exchanges, streams cut in pieces, and the real SDKs as callers."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import anthropic
import httpx2
import openai

from tallygate.edge.dialects.bedrock.eventstream import pack
from tallygate.edge.dialects.common.base import Target
from tallygate.edge.dialects.exchange import Exchange
from tallygate.edge.dialects.table import TRANSLATIONS, CallerDialect, ProviderDialect

Json = dict[str, Any]
NOW_S = 1_790_000_000
CALL_ID = "0198c0de"
MODELS: dict[ProviderDialect, str] = {
    "openai.chat": "gpt-4o",
    "anthropic.messages": "claude-sonnet-4-5",
    "google.generate": "gemini-2.5-flash",
    "bedrock.converse": "anthropic.claude-sonnet-4-5-20250929-v1:0",
}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQK"


def begin(
    caller: CallerDialect,
    provider: ProviderDialect,
    body: Json,
    *,
    model: str = "",
    drop: bool = False,
    provider_name: str = "openai",
    stream_usage: bool = True,
) -> Exchange:
    """Translate a request."""
    target = Target(model or MODELS[provider], provider_name, stream_usage)
    translation = TRANSLATIONS[caller, provider]
    return translation.begin(body, target, call_id=CALL_ID, now_s=NOW_S, drop_unsupported=drop)


def sent(caller: CallerDialect, provider: ProviderDialect, body: Json, **options: Any) -> Json:
    """The body that the provider is sent."""
    value: Json = json.loads(begin(caller, provider, body, **options).request.body)
    return value


def answered(exchange: Exchange, body: Any, status: int = 200) -> Json:
    """The caller's body for a provider's."""
    got, out = exchange.response(status, json.dumps(body).encode())
    assert got == status
    value: Json = json.loads(out)
    return value


def streamed(exchange: Exchange, pieces: Iterable[bytes]) -> bytes:
    """The caller's stream for a provider's."""
    translator = exchange.stream()
    out = b"".join([translator.feed(piece) for piece in pieces])
    return out + translator.close()


def assert_cut_anywhere(exchange: Exchange, stream: bytes) -> bytes:
    """The caller's stream, the same when the provider's comes byte by byte, or cut in two anywhere.

    Of the second kind every fifth place is tried: the first kind has met every cut already.
    """
    whole = streamed(exchange, [stream])
    assert streamed(exchange, [stream[at : at + 1] for at in range(len(stream))]) == whole
    for at in range(1, len(stream), 5):
        assert streamed(exchange, [stream[:at], stream[at:]]) == whole
    return whole


def sse(*events: Json, named: bool = False, done: bool = False) -> bytes:
    """A stream of server-sent events."""
    lines = [
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events
    ]
    return "".join(lines).encode() + (b"data: [DONE]\n\n" if done else b"")


def frames(*events: tuple[str, Json]) -> bytes:
    """A stream of Bedrock's events."""
    return b"".join(
        pack(
            {":event-type": name, ":content-type": "application/json", ":message-type": "event"},
            json.dumps(body).encode(),
        )
        for name, body in events
    )


def events_of(stream: bytes) -> list[Json]:
    """The JSON of a stream's events, without the last marker."""
    datas = [
        line[6:]
        for event in stream.decode().split("\n\n")
        for line in event.split("\n")
        if line.startswith("data: ")
    ]
    return [json.loads(data) for data in datas if data != "[DONE]"]


Upstream = Callable[[Json], tuple[int, bytes]]
"""What a provider answers to a body."""


def transport(caller: CallerDialect, provider: ProviderDialect, upstream: Upstream, **options: Any) -> Any:
    """The gateway between an SDK and a provider, without the sockets."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        exchange = begin(caller, provider, json.loads(request.content), **options)
        status, body = upstream(json.loads(exchange.request.body))
        if exchange.request.stream and status == 200:
            kind = {"content-type": "text/event-stream"}
            return httpx2.Response(200, headers=kind, content=streamed(exchange, [body]))
        status, body = exchange.response(status, body)
        return httpx2.Response(status, headers={"content-type": "application/json"}, content=body)

    return httpx2.MockTransport(handle)


def openai_sdk(
    provider: ProviderDialect, upstream: Upstream, caller: CallerDialect = "openai.chat", **options: Any
) -> openai.OpenAI:
    """The real `openai` package, talking to a provider of another dialect."""
    client = httpx2.Client(transport=transport(caller, provider, upstream, **options))
    return openai.OpenAI(api_key="sk-test", base_url="http://gateway/v1", http_client=client, max_retries=0)


def anthropic_sdk(provider: ProviderDialect, upstream: Upstream, **options: Any) -> anthropic.Anthropic:
    """The real `anthropic` package, talking to a provider of another dialect."""
    client = httpx2.Client(transport=transport("anthropic.messages", provider, upstream, **options))
    return anthropic.Anthropic(
        api_key="sk-ant-test", base_url="http://gateway", http_client=client, max_retries=0
    )
