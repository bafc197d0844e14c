"""What the simulated model says to a request, before a dialect puts it into its own shape. Pure."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from tallygate.infra.simulator import text
from tallygate.infra.simulator.controls import Controls

OVERHEAD_TOKENS = 3
"""Added to the input of every call, as real chat formats add some."""
DEFAULT_TOKENS = 24
SPREAD_TOKENS = 37
INVALID_UTF8 = "\udcff\udcfe"
"""Two bytes that are no UTF-8, as Python's `surrogateescape` writes them."""


class RefusalError(Exception):
    """The provider would refuse this request."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param


@dataclass(frozen=True, slots=True)
class TokenUse:
    """Token counts; `output` is the text alone, `input` includes what was cached."""

    input: int
    output: int
    reasoning: int = 0
    cached: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a dialect found in a request."""

    model: str
    text: str
    max_tokens: int | None = None
    tool: str | None = None
    """The tool to call, if the request wants one called."""
    json_mode: bool = False
    choices: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """The simulated answer."""

    number: int
    """Of the call, for ids."""
    created_s: int
    model: str
    parts: tuple[str, ...]
    """The text, in the pieces in which a stream sends it."""
    finish: Literal["stop", "length", "tool"]
    tokens: TokenUse
    tool: str | None = None
    choices: int = 1

    @property
    def text(self) -> str:
        """The whole text; of a tool call, its arguments."""
        return "".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a dialect's operation."""

    operation: str
    path: str
    payload: dict[str, Any]
    controls: Controls
    number: int
    now_s: int


def compose(call: Call, prompt: Prompt) -> Reply:
    """Make up the answer to a prompt."""
    controls = call.controls
    wanted = controls.output_tokens or DEFAULT_TOKENS + text.count(prompt.text) % SPREAD_TOKENS
    allowed = wanted if prompt.max_tokens is None else min(wanted, prompt.max_tokens)
    parts = _parts(prompt, allowed)
    finish: Literal["stop", "length", "tool"] = (
        "tool" if prompt.tool else "length" if allowed < wanted else "stop"
    )
    read = controls.input_tokens or text.count(prompt.text) + OVERHEAD_TOKENS
    cached = min(controls.cached_tokens, read)
    use = TokenUse(
        input=read,
        output=allowed if controls.output_tokens else prompt.choices * text.count("".join(parts)),
        reasoning=controls.reasoning_tokens,
        cached=cached,
        cache_write=min(controls.cache_write_tokens, read - cached),
    )
    grouped = text.grouped(parts, controls.chunks)
    if controls.invalid_utf8:
        grouped = [*grouped, INVALID_UTF8]
    return Reply(
        call.number, call.now_s, prompt.model, tuple(grouped), finish, use, prompt.tool, prompt.choices
    )


def arguments(reply: Reply) -> dict[str, Any]:
    """The arguments of a tool call."""
    try:
        parsed: dict[str, Any] = orjson.loads(reply.text)
    except orjson.JSONDecodeError:  # bytes that are no UTF-8 were asked for
        return {"answer": reply.text}
    return parsed


def _parts(prompt: Prompt, tokens: int) -> list[str]:
    words = text.pieces(prompt.text, tokens)
    if not (prompt.tool or prompt.json_mode):
        return words
    encoded = orjson.dumps({"answer": "".join(words), "sure": True}).decode()
    return [encoded[at : at + 16] for at in range(0, len(encoded), 16)]


def need(payload: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """A field that the provider requires.

    Raises:
        RefusalError: it is missing or of another type.
    """
    value = payload.get(name)
    if value is None:
        raise RefusalError(
            400, f"Missing required parameter: '{name}'.", code="missing_required_parameter", param=name
        )
    if not isinstance(value, kind) or isinstance(value, bool):
        raise RefusalError(400, f"Invalid type for '{name}'.", code="invalid_type", param=name)
    return value


def model_of(payload: dict[str, Any]) -> str:
    """The model of a request; names that begin with `missing` don't exist."""
    model: str = need(payload, "model", str)
    return known_model(model)


def known_model(model: str) -> str:
    """The model, if it exists."""
    if model.startswith("missing"):
        raise RefusalError(404, f"The model `{model}` does not exist.", code="model_not_found", param="model")
    return model


def without_text(reply: Reply) -> Reply:
    """The same reply without output, as an embedding has it."""
    return replace(reply, parts=(), tokens=replace(reply.tokens, output=0, reasoning=0))
