"""Official clients that keep the bytes which they send and get."""

from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2
import openai

from tests.contract.conftest import System

Pair = tuple[bytes, bytes]


@dataclass
class Wire:
    """What a client sent and got, and the ids of its calls."""

    pairs: list[Pair] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def keep(self, response: httpx2.Response) -> None:
        """Keep an answer that was read to its end."""
        self.pairs.append((response.request.read(), response.content))
        self.ids.append(response.headers.get("tallygate-id", ""))
        self.statuses.append(response.status_code)

    def hook(self, response: httpx2.Response) -> None:
        """For clients that block."""
        response.read()
        self.keep(response)

    async def async_hook(self, response: httpx2.Response) -> None:
        """For asynchronous clients."""
        await response.request.aread()
        await response.aread()
        self.keep(response)


def openai_sync(system: System, wire: Wire) -> openai.OpenAI:
    """OpenAI's package, with nothing but its base URL changed."""
    client = openai.DefaultHttpxClient(event_hooks={"response": [wire.hook]})
    return openai.OpenAI(base_url=f"{system.gateway.url}/v1", api_key="sk-test", http_client=client)


def openai_async(system: System, wire: Wire) -> openai.AsyncOpenAI:
    """As above, asynchronous."""
    client = openai.DefaultAsyncHttpxClient(event_hooks={"response": [wire.async_hook]})
    return openai.AsyncOpenAI(base_url=f"{system.gateway.url}/v1", api_key="sk-test", http_client=client)


def anthropic_sync(system: System, wire: Wire) -> anthropic.Anthropic:
    """Anthropic's package, with nothing but its base URL changed."""
    client: Any = anthropic.DefaultHttpxClient(event_hooks={"response": [wire.hook]})
    return anthropic.Anthropic(base_url=system.gateway.url, api_key="sk-test", http_client=client)


def anthropic_async(system: System, wire: Wire) -> anthropic.AsyncAnthropic:
    """As above, asynchronous."""
    client: Any = anthropic.DefaultAsyncHttpxClient(event_hooks={"response": [wire.async_hook]})
    return anthropic.AsyncAnthropic(base_url=system.gateway.url, api_key="sk-test", http_client=client)
