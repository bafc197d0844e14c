"""Chat completions and completions of OpenAI's dialect, as streams."""

from collections.abc import Iterator
from typing import Any

from tallygate.edge.cache.render.events import dicts, unnamed


def render_chat(answer: dict[str, Any]) -> bytes:
    """A chat completion: for each choice its message, then its finish reason; then the usage."""
    base = _base(answer, "chat.completion.chunk")
    return unnamed(_chunks(answer, base, _message_chunks))


def render_completion(answer: dict[str, Any]) -> bytes:
    """A completion, likewise."""
    return unnamed(_chunks(answer, _base(answer, "text_completion"), _text_chunks))


def _base(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    fields = {name: value for name, value in answer.items() if name not in ("choices", "usage")}
    return {**fields, "object": kind}


def _chunks(answer: dict[str, Any], base: dict[str, Any], of_choice: Any) -> Iterator[dict[str, Any]]:
    for place, choice in enumerate(dicts(answer.get("choices"))):
        for part in of_choice(choice):
            yield {**base, "choices": [{"index": choice.get("index", place), **part}]}
    if isinstance(answer.get("usage"), dict):
        yield {**base, "choices": [], "usage": answer["usage"]}


def _message_chunks(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    message = choice.get("message")
    delta = dict(message) if isinstance(message, dict) else {}
    if "tool_calls" in delta:
        calls = dicts(delta["tool_calls"])
        delta["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls)]
    yield {"delta": delta, "logprobs": choice.get("logprobs"), "finish_reason": None}
    yield {"delta": {}, "logprobs": None, **_ending(choice, ("index", "message", "logprobs"))}


def _text_chunks(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"text": choice.get("text", ""), "logprobs": choice.get("logprobs"), "finish_reason": None}
    yield {"text": "", "logprobs": None, **_ending(choice, ("index", "text", "logprobs"))}


def _ending(choice: dict[str, Any], told: tuple[str, ...]) -> dict[str, Any]:
    """The finish reason, and what providers of this dialect add."""
    return {"finish_reason": "stop", **{name: value for name, value in choice.items() if name not in told}}
