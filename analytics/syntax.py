"""ClickHouse's words on a syntax error, as words on the text that was sent."""

import re
from typing import NamedTuple

_FAILED = re.compile(r"failed at position (?P<position>\d+)")
_EXPECTED = re.compile(r"Expected one of: (?P<list>.*)", re.DOTALL)
_MAX_NEAR = 40
_MAX_EXPECTED = 12


class SyntaxMistake(NamedTuple):
    """What is wrong, and the offset in characters where it is."""

    message: str
    position: int | None


def syntax_mistake(message: str, text: str, prefix: int) -> SyntaxMistake:
    """Translate ClickHouse's message.

    ClickHouse counts bytes, from 1, and had `prefix` ASCII characters before `text` and a format behind it.
    """
    found = _FAILED.search(message)
    offset = int(found["position"]) - 1 - prefix if found else -1
    if offset < 0:
        return SyntaxMistake("the query can't be parsed", None)
    position = min(len(text.encode()[:offset].decode("utf-8", "ignore")), len(text))
    near = text[position : position + _MAX_NEAR].split("\n", maxsplit=1)[0].rstrip()
    where = f"near `{near}`" if near else "at the end of the query"
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    told = f"syntax error in line {line}, column {column}, {where}"
    if expected := _EXPECTED.search(message):
        names = [name.strip(" .") for name in expected["list"].split(",")][:_MAX_EXPECTED]
        told += f"; expected one of: {', '.join(names)} …"
    return SyntaxMistake(told, position)
