"""Estimating a call's tokens from its bodies.

Input, after OpenAI's cookbook ("How to count tokens with tiktoken"): of each message 3 tokens and its texts
(role, name, content, tool calls), and 3 tokens that begin the answer. Tools and response formats count as
the JSON they are. Pictures, audio and files are not text and are left out, so that an estimate is a lower
bound for them. Output: the texts of the answer, as far as it came.
"""

from typing import Any, NamedTuple

import orjson

from tallygate.schemas.call import Body
from tallygate.stream_processors.tokens.counter import TokenCounter
from tallygate.stream_processors.tokens.texts import texts_of_answer, texts_of_request, token_ids

PER_MESSAGE = 3
ANSWER_START = 3
_MESSAGES = ("messages", "contents")
_TEXTS = ("system", "instructions", "systemInstruction", "system_instruction", "prompt", "suffix", "input")
_AS_JSON = ("tools", "functions", "response_format", "text")


class Estimate(NamedTuple):
    """Estimated tokens of a call."""

    input_tokens: int
    output_tokens: int


def estimate(request: Body | None, response: str, model: str, counter: TokenCounter) -> Estimate | None:
    """Estimate a call's tokens from the request's body and the (assembled) answer.

    None if the request was not captured as text: half an estimate would look like a whole one.
    """
    if request is None or request.encoding != "utf-8" or not request.text:
        return None
    return Estimate(_input(request, model, counter), _output(response, model, counter))


def _input(request: Body, model: str, counter: TokenCounter) -> int:
    value = _json(request.text)
    if isinstance(value, dict):
        return _of_request(value, model, counter)
    tokens = counter.count(request.text, model)
    captured = len(request.text.encode(errors="replace"))
    if request.truncated and captured:  # the rest is taken to be like what was captured
        return tokens * max(request.size_bytes, captured) // captured
    return tokens


def _of_request(body: dict[str, Any], model: str, counter: TokenCounter) -> int:
    total = 0
    chat = [message for name in _MESSAGES for message in _items(body.get(name))]
    if chat:
        total += PER_MESSAGE * len(chat) + ANSWER_START
    values = [*chat, *(body.get(name) for name in _TEXTS)]
    for value in values:
        total += token_ids(value) + sum(counter.count(text, model) for text in texts_of_request(value))
    for name in _AS_JSON:
        if body.get(name):
            total += counter.count(orjson.dumps(body[name]).decode(), model)
    return total


def _output(response: str, model: str, counter: TokenCounter) -> int:
    value = _json(response)
    if value is None:  # text as it is: a transcript, or an answer cut short
        return counter.count(response, model)
    return sum(counter.count(text, model) for text in texts_of_answer(value))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
