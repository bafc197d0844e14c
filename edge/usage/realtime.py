"""What the events of a realtime session tell: its model, and the usage of its answers, added up."""

import re
from typing import Any

import orjson

from tallygate.edge.usage.found import Found

FLAVOR = "openai.realtime"
_TELLING = re.compile(r'"(?:response\.done|session\.created|session\.updated|error)"')


class RealtimeCollector:
    """Fed the provider's text frames."""

    def __init__(self) -> None:
        self.found = Found()

    def feed(self, frame: str) -> None:
        """Take the next frame; only those that can tell something are parsed."""
        if _TELLING.search(frame, 0, 4096) is None:
            return
        try:
            event = orjson.loads(frame)
        except orjson.JSONDecodeError:
            return
        if not isinstance(event, dict):
            return
        kind = event.get("type")
        if kind == "response.done" and isinstance(response := event.get("response"), dict):
            self._add(response.get("usage"))
        elif kind in {"session.created", "session.updated"} and isinstance(event.get("session"), dict):
            self.found.take({"model": event["session"].get("model")})

    def _add(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self.found.take({"usage": _sum(self.found.usage or {}, usage)})


def _sum(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Numbers added up, field by field, in objects within objects too."""
    total = dict(left)
    for name, value in right.items():
        present = total.get(name)
        if isinstance(value, dict):
            total[name] = _sum(present if isinstance(present, dict) else {}, value)
        elif isinstance(value, int) and not isinstance(value, bool):
            total[name] = value + (present if isinstance(present, int) else 0)
    return total
