"""Arranging turns for providers that take only users and assistants, in alternation."""

from tallygate.edge.dialects.common.errors import InvalidFieldError
from tallygate.edge.dialects.common.request import Part, Request, Text, ToolResult, Turn


def system_texts(request: Request) -> list[Text]:
    """All system texts, wherever in the conversation they stand, in order."""
    return [
        part
        for turn in request.turns
        if turn.role == "system"
        for part in turn.parts
        if isinstance(part, Text) and part.text
    ]


def alternating(request: Request) -> list[Turn]:
    """The conversation without system turns and empty texts, neighbours of one role put together.

    Tool results come first in their turn: they must follow the calls at once.

    Raises:
        InvalidFieldError: nothing is left.
    """
    merged: list[Turn] = []
    for turn in request.turns:
        parts = [part for part in turn.parts if not (isinstance(part, Text) and not part.text)]
        if turn.role == "system" or not parts:
            continue
        if merged and merged[-1].role == turn.role:
            merged[-1].parts.extend(parts)
        else:
            merged.append(Turn(turn.role, parts))
    if not merged:
        raise InvalidFieldError(request.names.get("turns", "messages"), "must hold a message of the user")
    return [Turn(turn.role, _results_first(turn.parts)) for turn in merged]


def _results_first(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: not isinstance(part, ToolResult))
