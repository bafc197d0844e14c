"""OpenAI's Responses API: events to the response object."""

from typing import Any

from tallygate.schemas.assemble.merge import Text, as_dict, as_index, as_text

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


def recognises(event: dict[str, Any]) -> bool:
    """Whether an event is one of this API."""
    return as_text(event.get("type")).startswith("response.")


def assemble(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The final response as the provider sent it; of a stream cut short, its beginning with the items and
    texts that came."""
    response: dict[str, Any] = {}
    partial = _Partial()
    for event in events:
        if isinstance(event.get("response"), dict):
            response = event["response"]
        if as_text(event.get("type")) in _LAST and response:
            return response
        partial.add(event)
    return partial.result(response)


class _Partial:
    """A response whose end did not come."""

    def __init__(self) -> None:
        self._items: dict[int, dict[str, Any]] = {}
        self._done: set[int] = set()
        self._texts: dict[int, dict[tuple[int, str], Text]] = {}
        self._error: Any = None

    def add(self, event: dict[str, Any]) -> None:
        index = as_index(event.get("output_index"))
        kind = as_text(event.get("type"))
        if kind == "error":
            self._error = event
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._items[index] = as_dict(event.get("item"))
            if kind.endswith("done"):
                self._done.add(index)
        elif kind.endswith(".delta"):
            part = as_index(event.get("content_index"), as_index(event.get("summary_index")))
            name = kind.removeprefix("response.").removesuffix(".delta")
            self._texts.setdefault(index, {}).setdefault((part, name), Text()).add(event.get("delta"))

    def result(self, response: dict[str, Any]) -> dict[str, Any]:
        output = [self._item(index) for index in sorted(self._items.keys() | self._texts.keys())]
        result = {**response, "output": output or response.get("output", [])}
        return result if self._error is None else {**result, "error": self._error}

    def _item(self, index: int) -> dict[str, Any]:
        item = self._items.get(index, {})
        if index in self._done or index not in self._texts:
            return item
        texts = sorted(self._texts[index].items())
        arguments = [str(text) for (_, name), text in texts if name.endswith("arguments")]
        if arguments:
            return {**item, "arguments": "".join(arguments)}
        content = [{"type": name, "text": str(text)} for (_, name), text in texts]
        return {"type": "message", **item, "status": "incomplete", "content": content}
