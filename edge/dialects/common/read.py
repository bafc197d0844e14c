"""Checked access to a caller's JSON: a wrong type becomes an error that names the field."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tallygate.edge.dialects.common.errors import InvalidFieldError, Policy

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """An object of the caller's body, and where it stands. A null field counts as absent.

    Every accessor raises InvalidFieldError if the field has another type than asked for.
    """

    value: Json
    path: str = ""

    def at(self, key: str) -> str:
        """Path of a field of this object."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Whether a field is there and not null."""
        return self.value.get(key) is not None

    def raw(self, key: str) -> Any:
        """A field of any type."""
        return self.value.get(key)

    def _typed(self, key: str, kinds: type | tuple[type, ...], name: str) -> Any:
        value = self.value.get(key)
        if value is None:
            return None
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise InvalidFieldError(self.at(key), f"must be {name}")
        return value

    def text(self, key: str) -> str | None:
        """A string."""
        value: str | None = self._typed(key, str, "a string")
        return value

    def need_text(self, key: str) -> str:
        """A string that must be there."""
        value = self.text(key)
        if value is None:
            raise InvalidFieldError(self.at(key), "is required")
        return value

    def number(self, key: str) -> float | None:
        """A number, kept as int or float."""
        value: float | None = self._typed(key, (int, float), "a number")
        return value

    def integer(self, key: str) -> int | None:
        """A whole number."""
        value: int | None = self._typed(key, int, "an integer")
        return value

    def flag(self, key: str) -> bool | None:
        """A boolean."""
        value: bool | None = self._typed(key, bool, "a boolean")
        return value

    def node(self, key: str) -> "Node | None":
        """An object."""
        value: Json | None = self._typed(key, dict, "an object")
        return None if value is None else Node(value, self.at(key))

    def need_node(self, key: str) -> "Node":
        """An object that must be there."""
        value = self.node(key)
        if value is None:
            raise InvalidFieldError(self.at(key), "is required")
        return value

    def nodes(self, key: str) -> "list[Node]":
        """A list of objects; empty if absent."""
        value: list[Any] = self._typed(key, list, "a list") or []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise InvalidFieldError(f"{self.at(key)}[{index}]", "must be an object")
        return [Node(item, f"{self.at(key)}[{index}]") for index, item in enumerate(value)]

    def texts(self, key: str) -> list[str]:
        """A list of strings, or one string; empty if absent."""
        value = self.value.get(key)
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InvalidFieldError(self.at(key), "must be a string or a list of strings")
        return list(value)

    def refuse_others(self, policy: Policy, known: Iterable[str]) -> None:
        """Treat every field that is not known here as one without an equivalent."""
        for key in self.value.keys() - set(known):
            if self.value[key] is not None:
                policy.unsupported(self.at(key), "is not known to the gateway's translation")


def obj(value: Any) -> Json:
    """A provider's object, or an empty one: providers are read leniently."""
    return value if isinstance(value, dict) else {}


def objs(value: Any) -> list[Json]:
    """The objects of a provider's list, or none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def string(value: Any) -> str:
    """A provider's string, or an empty one."""
    return value if isinstance(value, str) else ""


def count(value: Any) -> int:
    """A provider's token count, or 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
