"""The texts that a model reads or writes, in a request's or an answer's JSON of any dialect."""

from collections.abc import Iterator
from typing import Any

_CONTENT = frozenset(
    {
        "arguments",
        "args",
        "content",
        "functionCall",
        "functionResponse",
        "function",
        "function_call",
        "input",
        "output",
        "parts",
        "reasoning",
        "reasoning_content",
        "refusal",
        "response",
        "summary",
        "system",
        "text",
        "thinking",
        "tool_calls",
        "transcript",
    }
)
_NAMES = frozenset({"name", "role"})
_ANSWER_ROOTS = frozenset({"candidates", "choices", "content", "message", "output", "text"})
_JSON_VALUES = frozenset({"args", "input"})
"""A tool's input: every text in it is read or written, whatever its field is called."""


def texts_of(value: Any, *, answer: bool = False) -> Iterator[str]:
    """Texts in a message, a list of them, or (`answer`) in a whole answer.

    Walks with a stack of its own: what came from outside may be nested deeper than Python may recurse.
    """
    stack: list[tuple[Any, bool]] = [(_roots(value) if answer else value, False)]
    while stack:
        item, whole = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            stack.extend((element, whole) for element in reversed(item))
        elif isinstance(item, dict):
            stack.extend(_fields(item, whole=whole, answer=answer))


def _roots(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return [_unwrapped(item) for name, item in value.items() if name in _ANSWER_ROOTS]


def _unwrapped(value: Any) -> Any:
    """Choices and candidates to their messages and contents."""
    if not isinstance(value, list):
        return value
    return [
        next(
            (item[name] for name in ("message", "content", "delta") if isinstance(item.get(name), dict)), item
        )
        if isinstance(item, dict)
        else item
        for item in value
    ]


def _fields(item: dict[str, Any], *, whole: bool, answer: bool) -> Iterator[tuple[Any, bool]]:
    for name, value in item.items():
        if whole or name in _CONTENT or (name in _NAMES and isinstance(value, str) and not answer):
            json_value = whole or (name in _JSON_VALUES and isinstance(value, dict))
            yield value, json_value


def token_ids(value: Any) -> int:
    """Number of token ids in an embedding's or completion's input given as such: `[1, 2]`, `[[1], [2]]`."""
    if not isinstance(value, list):
        return 0
    flat = [element for item in value for element in (item if isinstance(item, list) else [item])]
    return sum(isinstance(element, int) and not isinstance(element, bool) for element in flat)
