"""Anthropic's dialect. Pure."""

from typing import Any

from tallygate.infra.simulator import text
from tallygate.infra.simulator.plan import Plan, dump, named_event
from tallygate.infra.simulator.reply import (
    OVERHEAD_TOKENS,
    Call,
    Prompt,
    RefusalError,
    Reply,
    arguments,
    compose,
    known_model,
    model_of,
    need,
)

MODELS = ("claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5")
FINISH = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
RESET = "2030-01-01T00:00:00Z"


def error(status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
    """Anthropic's error body; it has no codes."""
    kind = ERROR_TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulator"}


def limits(requests_left: int, tokens_left: int) -> dict[str, str]:
    """Anthropic's rate-limit headers."""
    return {
        "anthropic-ratelimit-requests-limit": "4000",
        "anthropic-ratelimit-requests-remaining": str(min(requests_left, 4000)),
        "anthropic-ratelimit-requests-reset": RESET,
        "anthropic-ratelimit-tokens-limit": "400000",
        "anthropic-ratelimit-tokens-remaining": str(min(tokens_left, 400_000)),
        "anthropic-ratelimit-tokens-reset": RESET,
        "anthropic-organization-id": "simulator",
    }


def messages(call: Call) -> Plan:
    """`POST /v1/messages`."""
    payload = call.payload
    given = need(payload, "messages", list)
    limit = need(payload, "max_tokens", int)
    if limit < 1:
        raise RefusalError(400, "max_tokens: Input should be greater than or equal to 1", param="max_tokens")
    words = text.strings([payload.get("system") or "", given])
    shape = (payload.get("output_config") or {}).get("format")
    prompt = Prompt(
        model_of(payload), words, limit, tool=_tool(payload, given), json_mode=isinstance(shape, dict)
    )
    reply = compose(call, prompt)
    events = tuple(_events(call, reply)) if payload.get("stream") else None
    return Plan(
        body=b"" if events else dump(_message(call, reply)),
        events=events,
        model=reply.model,
        input_tokens=reply.tokens.input,
        output_tokens=reply.tokens.output + reply.tokens.reasoning,
    )


def count_tokens(call: Call) -> Plan:
    """`POST /v1/messages/count_tokens`."""
    words = text.strings([call.payload.get("system") or "", need(call.payload, "messages", list)])
    return Plan(dump({"input_tokens": text.count(words) + OVERHEAD_TOKENS}), model=model_of(call.payload))


def models(call: Call) -> Plan:
    """`GET /v1/models` and `/v1/models/{id}` as Anthropic answers them."""
    name = call.path.rpartition("/models")[2].strip("/")
    if name:
        return Plan(dump(_model(known_model(name))))
    body = {
        "data": [_model(item) for item in MODELS],
        "has_more": False,
        "first_id": MODELS[0],
        "last_id": MODELS[-1],
    }
    return Plan(dump(body))


def usage(call: Call, reply: Reply, output: int) -> dict[str, Any]:
    """Anthropic's usage object: its `input_tokens` are those that no cache had a part in."""
    tokens = reply.tokens
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "service_tier": "standard",
    }


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-09-29T00:00:00Z"}


def _tool(payload: dict[str, Any], given: list[Any]) -> str | None:
    tools = payload.get("tools") or []
    choice = payload.get("tool_choice") or {"type": "auto"}
    if choice.get("type") == "tool":
        return str(choice.get("name", ""))
    answered = bool(given) and "tool_result" in str(given[-1])
    if not tools or choice.get("type") == "none" or (choice.get("type") == "auto" and answered):
        return None
    return str(tools[0]["name"])


def _block(reply: Reply, *, empty: bool = False) -> dict[str, Any]:
    if not reply.tool:
        return {"type": "text", "text": "" if empty else reply.text}
    given = {} if empty else arguments(reply)
    return {"type": "tool_use", "id": f"toolu_{reply.number:024d}", "name": reply.tool, "input": given}


def _message(call: Call, reply: Reply) -> dict[str, Any]:
    used = usage(call, reply, reply.tokens.output + reply.tokens.reasoning)
    return _head(reply) | {
        "content": [_block(reply)],
        "stop_reason": FINISH[reply.finish],
        **({} if call.controls.no_usage else {"usage": used}),
    }


def _head(reply: Reply) -> dict[str, Any]:
    return {
        "id": f"msg_{reply.number:024d}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _events(call: Call, reply: Reply) -> list[bytes]:
    """`message_start` has the input's usage, `message_delta` the output's."""
    start = _head(reply) | ({} if call.controls.no_usage else {"usage": usage(call, reply, 1)})
    output = {"output_tokens": reply.tokens.output + reply.tokens.reasoning}
    end: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": FINISH[reply.finish], "stop_sequence": None},
        **({} if call.controls.no_usage else {"usage": output}),
    }
    steps: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": _block(reply, empty=True)},
        {"type": "ping"},
        *(_delta(reply, part) for part in reply.parts),
        {"type": "content_block_stop", "index": 0},
        end,
        {"type": "message_stop"},
    ]
    return [named_event(step) for step in steps]


def _delta(reply: Reply, part: str) -> dict[str, Any]:
    delta = (
        {"type": "input_json_delta", "partial_json": part}
        if reply.tool
        else {"type": "text_delta", "text": part}
    )
    return {"type": "content_block_delta", "index": 0, "delta": delta}
