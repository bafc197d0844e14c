"""Server-sent events in a captured text (WHATWG HTML, section 9.2.6), as far as their data goes."""

import re
from collections.abc import Iterator

_LINE_END = re.compile(r"\r\n|\r|\n")
_STREAM_START = re.compile(r"\s*(?:data|event|id|retry|):")


def looks_like_stream(text: str) -> bool:
    """Whether the text begins as a stream of events does (with a field or a comment)."""
    return _STREAM_START.match(text.removeprefix("\ufeff")) is not None


def data_fields(text: str) -> Iterator[str]:
    """The data of each event, in order; also of a last one that was not finished."""
    text = text.removeprefix("\ufeff")
    data: list[str] = []
    for line in text.split("\n") if "\r" not in text else _LINE_END.split(text):
        if not line:
            if data:
                yield "\n".join(data)
                data = []
        elif line.startswith("data:"):
            data.append(line[6:] if line.startswith("data: ") else line[5:])
    if data:
        yield "\n".join(data)
