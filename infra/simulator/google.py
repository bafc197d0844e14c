"""Gemini's own dialect. Pure."""

from typing import Any

from tallygate.infra.simulator import text
from tallygate.infra.simulator.plan import JSON, Plan, data_event, dump
from tallygate.infra.simulator.reply import (
    OVERHEAD_TOKENS,
    Call,
    Prompt,
    Reply,
    arguments,
    compose,
    known_model,
    need,
)

MODELS = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite")
FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP"}
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error(status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
    """Google's error body."""
    return {"error": {"code": status, "message": message, "status": STATUSES.get(status, "UNKNOWN")}}


def limits(requests_left: int, tokens_left: int) -> dict[str, str]:
    """Gemini sends none."""
    return {"server-timing": "gfet4t7; dur=12"}


def generate(call: Call) -> Plan:
    """`POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`."""
    contents = need(call.payload, "contents", list)
    words = text.strings([call.payload.get("systemInstruction") or "", contents])
    config = call.payload.get("generationConfig") or {}
    reply = compose(
        call,
        Prompt(
            model_in(call.path),
            words,
            config.get("maxOutputTokens"),
            tool=_tool(call.payload, contents),
            json_mode=config.get("responseMimeType") == JSON,
        ),
    )
    plan = Plan(
        model=reply.model,
        input_tokens=reply.tokens.input,
        output_tokens=reply.tokens.output + reply.tokens.reasoning,
    )
    if call.operation == "generate":
        return _with(plan, body=dump(_answer(call, reply, reply.text, last=True)))
    answers = _stream(call, reply)
    if call.operation == "stream.json":
        return _with(plan, body=dump(answers))
    return _with(plan, events=tuple(data_event(item) for item in answers))


def count_tokens(call: Call) -> Plan:
    """`POST /v1beta/models/{model}:countTokens`."""
    words = text.strings(need(call.payload, "contents", list))
    return Plan(dump({"totalTokens": text.count(words) + OVERHEAD_TOKENS}), model=model_in(call.path))


def models(call: Call) -> Plan:
    """`GET /v1beta/models`."""
    rows = [{"name": f"models/{name}", "displayName": name, "inputTokenLimit": 1_048_576} for name in MODELS]
    return Plan(dump({"models": rows}))


def model_in(path: str) -> str:
    """The model in a path like `/v1beta/models/gemini-2.5-pro:generateContent`."""
    return known_model(path.rpartition("/models/")[2].partition(":")[0])


def usage(reply: Reply) -> dict[str, Any]:
    """Gemini's `usageMetadata`: thoughts are counted apart from the candidates."""
    tokens = reply.tokens
    used: dict[str, Any] = {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output,
        "totalTokenCount": tokens.input + tokens.output + tokens.reasoning,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.input}],
    }
    if tokens.reasoning:
        used["thoughtsTokenCount"] = tokens.reasoning
    if tokens.cached:
        used["cachedContentTokenCount"] = tokens.cached
        used["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": tokens.cached}]
    return used


def _with(plan: Plan, *, body: bytes = b"", events: tuple[bytes, ...] | None = None) -> Plan:
    return Plan(
        body,
        model=plan.model,
        input_tokens=plan.input_tokens,
        output_tokens=plan.output_tokens,
        events=events,
    )


def _tool(payload: dict[str, Any], contents: list[Any]) -> str | None:
    declared = [
        item for tool in payload.get("tools") or [] for item in tool.get("functionDeclarations") or []
    ]
    answered = bool(contents) and "functionResponse" in str(contents[-1])
    return str(declared[0]["name"]) if declared and not answered else None


def _answer(call: Call, reply: Reply, content: str, *, last: bool) -> dict[str, Any]:
    part = (
        {"functionCall": {"name": reply.tool, "args": arguments(reply)}} if reply.tool else {"text": content}
    )
    candidate: dict[str, Any] = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = FINISH[reply.finish]
    answer = {"candidates": [candidate], "modelVersion": reply.model, "responseId": f"sim{reply.number}"}
    return answer if call.controls.no_usage else answer | {"usageMetadata": usage(reply)}


def _stream(call: Call, reply: Reply) -> list[dict[str, Any]]:
    """Gemini repeats the usage in every event; a function call comes in one."""
    parts = (reply.text,) if reply.tool else reply.parts
    last = len(parts) - 1
    return [_answer(call, reply, part, last=index == last) for index, part in enumerate(parts)]
