"""Items of a streamed response while they are open: the events of their beginning, growth and end."""

from typing import Protocol

from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import Thinking
from tallygate.edge.dialects.responses.envelope import (
    call_item,
    message_item,
    reasoning_item,
    refusal_part,
    text_part,
)

Events = list[tuple[str, Json]]
"""Names and bodies, before they get their sequence numbers."""


class Item(Protocol):
    """An item that is open."""

    kind: str

    def begin(self) -> Events:
        """Events that open it."""

    def grow(self, text: str) -> Events:
        """Events of a delta."""

    def end(self) -> Events:
        """Events that close it."""

    def done(self) -> Json:
        """The whole item."""


class MessageItem:
    """A message with one part: text, or a refusal."""

    def __init__(self, item_id: str, index: int, *, refusal: bool) -> None:
        self.kind = "refusal" if refusal else "text"
        self._id = item_id
        self._at: Json = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._index = index
        self._text: list[str] = []
        self._part = refusal_part if refusal else text_part
        self._name = "response.refusal" if refusal else "response.output_text"

    def begin(self) -> Events:
        """See `Item`."""
        item = message_item(self._id, [], "in_progress")
        added = {"output_index": self._index, "item": item}
        part = self._at | {"part": self._part("")}
        return [("response.output_item.added", added), ("response.content_part.added", part)]

    def grow(self, text: str) -> Events:
        """See `Item`."""
        self._text.append(text)
        extra: Json = {"logprobs": []} if self.kind == "text" else {}
        return [(f"{self._name}.delta", self._at | {"delta": text} | extra)]

    def end(self) -> Events:
        """See `Item`."""
        whole = "".join(self._text)
        extra: Json = {"text": whole, "logprobs": []} if self.kind == "text" else {"refusal": whole}
        part = self._at | {"part": self._part(whole)}
        done = {"output_index": self._index, "item": self.done()}
        return [
            (f"{self._name}.done", self._at | extra),
            ("response.content_part.done", part),
            ("response.output_item.done", done),
        ]

    def done(self) -> Json:
        """See `Item`."""
        return message_item(self._id, [self._part("".join(self._text))], "completed")


class CallItem:
    """A function call."""

    kind = "call"

    def __init__(self, item_id: str, index: int, call_id: str, name: str) -> None:
        self._id, self._index, self._call_id, self._name = item_id, index, call_id, name
        self._arguments: list[str] = []

    def _item(self, status: str) -> Json:
        return call_item(self._id, self._call_id, self._name, "".join(self._arguments), status)

    def begin(self) -> Events:
        """See `Item`."""
        added = {"output_index": self._index, "item": self._item("in_progress")}
        return [("response.output_item.added", added)]

    def grow(self, text: str) -> Events:
        """See `Item`."""
        self._arguments.append(text)
        delta = {"item_id": self._id, "output_index": self._index, "delta": text}
        return [("response.function_call_arguments.delta", delta)]

    def end(self) -> Events:
        """See `Item`."""
        item = self.done()
        arguments = {"item_id": self._id, "output_index": self._index, "arguments": item["arguments"]}
        return [
            ("response.function_call_arguments.done", arguments | {"name": self._name}),
            ("response.output_item.done", {"output_index": self._index, "item": item}),
        ]

    def done(self) -> Json:
        """See `Item`."""
        return self._item("completed")


class ReasoningItem:
    """A thought."""

    kind = "thinking"

    def __init__(self, item_id: str, index: int) -> None:
        self._id = item_id
        self._index = index
        self._at: Json = {"item_id": item_id, "output_index": index, "summary_index": 0}
        self._text: list[str] = []
        self.signature = ""

    def begin(self) -> Events:
        """See `Item`."""
        added = {"output_index": self._index, "item": reasoning_item(self._id, Thinking(""))}
        return [("response.output_item.added", added)]

    def grow(self, text: str) -> Events:
        """See `Item`."""
        part = {"part": {"type": "summary_text", "text": ""}}
        opened: Events = (
            [("response.reasoning_summary_part.added", self._at | part)] if not self._text else []
        )
        self._text.append(text)
        return [*opened, ("response.reasoning_summary_text.delta", self._at | {"delta": text})]

    def end(self) -> Events:
        """See `Item`."""
        whole = "".join(self._text)
        part = {"part": {"type": "summary_text", "text": whole}}
        closed: Events = [
            ("response.reasoning_summary_text.done", self._at | {"text": whole}),
            ("response.reasoning_summary_part.done", self._at | part),
        ]
        done = {"output_index": self._index, "item": self.done()}
        return [*(closed if self._text else []), ("response.output_item.done", done)]

    def done(self) -> Json:
        """See `Item`."""
        return reasoning_item(self._id, Thinking("".join(self._text), self.signature))
