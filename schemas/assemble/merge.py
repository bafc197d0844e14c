"""Small helpers to put parts of a stream together, whatever a provider sends."""

from typing import Any


def as_dict(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; none if it is not a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """The value if it is text, else empty."""
    return value if isinstance(value, str) else ""


def as_index(value: Any, default: int = 0) -> int:
    """The value if it can number something."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


class Text:
    """Text that grows by parts, without copying what is there."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, part: Any) -> None:
        """Append a part; what is not text is left out."""
        if isinstance(part, str):
            self._parts.append(part)

    def __str__(self) -> str:
        return "".join(self._parts)


class Growing:
    """An object sent in parts: some fields are appended to, the others are taken as last sent."""

    __slots__ = ("_appended", "_fields", "_texts")

    def __init__(self, appended: frozenset[str]) -> None:
        self._appended = appended
        self._fields: dict[str, Any] = {}
        self._texts: dict[str, Text] = {}

    def add(self, part: dict[str, Any]) -> None:
        """Take in a part. A null changes nothing but makes the field known."""
        for name, value in part.items():
            if value is None:
                self._fields.setdefault(name, None)
            elif name in self._appended and isinstance(value, str):
                self.append(name, value)
            else:
                self._fields[name] = value

    def append(self, name: str, value: Any) -> None:
        """Append to one of the fields that grow; what is not text is left out."""
        text = self._texts.get(name)
        if text is None:
            self._fields.setdefault(name, None)
            text = self._texts[name] = Text()
        text.add(value)

    def result(self) -> dict[str, Any]:
        """The whole object so far."""
        return {**self._fields, **{name: str(text) for name, text in self._texts.items()}}
