"""Chat completions and completions of OpenAI's dialect: chunks to the answer without streaming."""

from typing import Any

from tallygate.schemas.assemble.merge import Growing, as_dict, as_dicts, as_index

_TEXTS = frozenset({"content", "reasoning_content", "reasoning", "refusal"})
_TOOL_TEXTS = frozenset({"arguments", "input"})
_AUDIO_TEXTS = frozenset({"data", "transcript"})
_CHOICE_TEXTS = frozenset({"text"})
_NOT_HEAD = frozenset({"choices", "obfuscation"})
_CONTENT_ONLY = frozenset({"content"})
_PLAIN = frozenset({"index", "delta", "finish_reason", "logprobs"})
_OBJECTS = {"chat.completion.chunk": "chat.completion"}


def recognises(event: dict[str, Any]) -> bool:
    """Whether an event is a chunk of this dialect."""
    return isinstance(event.get("choices"), list)


def assemble(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Put chunks together."""
    whole = Growing(frozenset())
    known = set(_NOT_HEAD)
    choices: dict[int, _Choice] = {}
    for place, event in enumerate(events):
        # The head is the same in every chunk, but for what the last ones bring.
        if place >= len(events) - 2 or not event.keys() <= known:
            whole.add({name: value for name, value in event.items() if name not in _NOT_HEAD})
            known.update(event)
        for part in as_dicts(event.get("choices")):
            index = as_index(part.get("index"))
            if index not in choices:
                choices[index] = _Choice()
            choices[index].add(part)
    result = whole.result()
    result["choices"] = [choices[index].result(index) for index in sorted(choices)]
    kind = result.get("object")
    if isinstance(kind, str):
        result["object"] = _OBJECTS.get(kind, kind)
    return result


class _Choice:
    """One of the answers asked for."""

    def __init__(self) -> None:
        self._choice = Growing(_CHOICE_TEXTS)
        self._message: _Message | None = None
        self._logprobs: dict[str, list[Any]] = {}

    def add(self, part: dict[str, Any]) -> None:
        delta = part.get("delta")
        # Nearly every chunk is of this kind, and this is a tenth of the work of the general way.
        if (
            self._message is not None
            and isinstance(delta, dict)
            and delta.keys() == _CONTENT_ONLY
            and part.keys() <= _PLAIN
            and part.get("finish_reason") is None
            and part.get("logprobs") is None
        ):
            self._message.add_text(delta["content"])
            return
        self._choice.add({name: value for name, value in part.items() if name not in ("delta", "logprobs")})
        for name, values in as_dict(part.get("logprobs")).items():
            if isinstance(values, list):
                self._logprobs.setdefault(name, []).extend(values)
        if "delta" in part:
            self._message = self._message or _Message()
            self._message.add(as_dict(part["delta"]))

    def result(self, index: int) -> dict[str, Any]:
        choice = {"index": index, **self._choice.result()}
        if self._message is not None:
            choice["message"] = self._message.result()
        if self._logprobs:
            choice["logprobs"] = self._logprobs
        return choice


class _Message:
    """A message with its tool calls."""

    def __init__(self) -> None:
        self._message = Growing(_TEXTS)
        self._audio = Growing(_AUDIO_TEXTS)
        self._function = Growing(_TOOL_TEXTS)
        self._tools: dict[int, tuple[Growing, Growing]] = {}

    def add_text(self, part: Any) -> None:
        """Add to the content."""
        self._message.append("content", part)

    def add(self, delta: dict[str, Any]) -> None:
        nested = ("tool_calls", "audio", "function_call")
        self._message.add({name: value for name, value in delta.items() if name not in nested})
        self._audio.add(as_dict(delta.get("audio")))
        self._function.add(as_dict(delta.get("function_call")))
        for place, part in enumerate(as_dicts(delta.get("tool_calls"))):
            index = as_index(part.get("index"), place)
            call, function = self._tools.setdefault(index, (Growing(frozenset()), Growing(_TOOL_TEXTS)))
            call.add({name: value for name, value in part.items() if name not in ("index", "function")})
            function.add(as_dict(part.get("function")))

    def result(self) -> dict[str, Any]:
        message = self._message.result()
        if audio := self._audio.result():
            message["audio"] = audio
        if function := self._function.result():
            message["function_call"] = function
        if self._tools:
            calls = [self._tools[index] for index in sorted(self._tools)]
            message["tool_calls"] = [{**call.result(), "function": fn.result()} for call, fn in calls]
        return message
