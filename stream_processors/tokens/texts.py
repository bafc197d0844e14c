"""The texts that a model reads or writes, in a request's or an answer's JSON of any dialect."""

from collections.abc import Iterator
from typing import Any

_PARTS = frozenset({"args", "arguments", "content", "input", "message", "output", "parts", "summary", "text"})
_CALLS = frozenset({"function", "functionCall", "functionResponse", "function_call", "name", "tool_calls"})
_OTHER = frozenset({"reasoning", "reasoning_content", "refusal", "response", "thinking", "transcript"})
_BOTH = _PARTS | _CALLS | _OTHER
"""Fields that hold texts, or lead to them. Not among them: ids, types, and pictures, audio and files."""
_REQUEST = _BOTH | {"role", "system"}
_ANSWER_ROOTS = frozenset({"candidates", "choices", "content", "message", "output", "text"})
_JSON_VALUES = frozenset({"args", "input"})
"""A tool's input: every text in it is read or written, whatever its field is called."""


def texts_of_request(value: Any) -> Iterator[str]:
    """Texts in a message, or in a list of them."""
    return _walk(value, _REQUEST)


def texts_of_answer(value: Any) -> Iterator[str]:
    """Texts in a whole answer."""
    if isinstance(value, dict):
        value = [item for name, item in value.items() if name in _ANSWER_ROOTS]
    return _walk(value, _BOTH)


def _walk(value: Any, names: frozenset[str]) -> Iterator[str]:
    """Walk with a stack of its own: what came from outside may be nested deeper than Python may recurse."""
    stack: list[tuple[Any, bool]] = [(value, False)]
    while stack:
        item, whole = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            stack.extend((element, whole) for element in item)
        elif isinstance(item, dict):
            for name, field in item.items():
                if whole or name in names:
                    stack.append((field, whole or (name in _JSON_VALUES and isinstance(field, dict))))


def token_ids(value: Any) -> int:
    """Number of token ids in an embedding's or completion's input given as such: `[1, 2]`, `[[1], [2]]`."""
    if not isinstance(value, list):
        return 0
    flat = [element for item in value for element in (item if isinstance(item, list) else [item])]
    return sum(isinstance(element, int) and not isinstance(element, bool) for element in flat)
