"""An answer as the stream of events that it would have come as. Pure.

The texts come in one event each: all SDKs put any number of them together.
"""

from collections.abc import Callable
from typing import Any

from tallygate.edge.cache.render import anthropic, openai_chat, openai_responses

Renderer = Callable[[dict[str, Any]], bytes]

RENDERERS: dict[str, Renderer] = {
    "chat/completions": openai_chat.render_chat,
    "completions": openai_chat.render_completion,
    "responses": openai_responses.render,
    "messages": anthropic.render,
}
"""By endpoint. OpenAI's end with a chunk of usage, which callers who did not ask for it must not see."""
