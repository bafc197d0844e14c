"""OpenAI's chat completions and completions. Pure."""

from typing import Any

from tallygate.infra.simulator import text
from tallygate.infra.simulator.plan import Plan, data_event, dump
from tallygate.infra.simulator.reply import Call, Prompt, Reply, compose, model_of, need

DONE = b"data: [DONE]\n\n"
FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls"}


def chat(call: Call) -> Plan:
    """`POST /v1/chat/completions`."""
    payload = call.payload
    messages = need(payload, "messages", list)
    reply = compose(
        call,
        Prompt(
            model=model_of(payload),
            text=text.strings(messages),
            max_tokens=payload.get("max_completion_tokens") or payload.get("max_tokens"),
            tool=_tool(payload, messages),
            json_mode=_format(payload) in ("json_object", "json_schema"),
            choices=payload.get("n") or 1,
        ),
    )
    if payload.get("stream"):
        return _plan(call, reply, events=tuple(_chat_events(call, reply)))
    message = _message(reply)
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": FINISH[reply.finish]}
        for index in range(reply.choices)
    ]
    return _plan(
        call, reply, body=_head(reply, "chat.completion") | {"choices": choices} | _usage_field(call, reply)
    )


def completion(call: Call) -> Plan:
    """`POST /v1/completions`."""
    payload = call.payload
    prompt = need(payload, "prompt", (str, list))
    reply = compose(call, Prompt(model_of(payload), text.strings(prompt), payload.get("max_tokens") or 16))
    if payload.get("stream"):
        return _plan(call, reply, events=tuple(_completion_events(call, reply)))
    body = _head(reply, "text_completion") | {"choices": [_text_choice(reply.text, FINISH[reply.finish])]}
    return _plan(call, reply, body=body | _usage_field(call, reply))


def usage(reply: Reply) -> dict[str, Any]:
    """OpenAI's usage object of chat completions."""
    tokens = reply.tokens
    output = tokens.output + tokens.reasoning
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": output,
        "total_tokens": tokens.input + output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _plan(
    call: Call, reply: Reply, *, body: dict[str, Any] | None = None, events: tuple[bytes, ...] | None = None
) -> Plan:
    return Plan(
        body=b"" if body is None else dump(body),
        events=events,
        model=reply.model,
        input_tokens=reply.tokens.input,
        output_tokens=reply.tokens.output + reply.tokens.reasoning,
    )


def _head(reply: Reply, kind: str) -> dict[str, Any]:
    prefix = "cmpl" if kind == "text_completion" else "chatcmpl"
    return {
        "id": f"{prefix}-{reply.number:029d}",
        "object": kind,
        "created": reply.created_s,
        "model": reply.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def _usage_field(call: Call, reply: Reply) -> dict[str, Any]:
    return {} if call.controls.no_usage else {"usage": usage(reply)}


def _format(payload: dict[str, Any]) -> str | None:
    wanted = payload.get("response_format")
    return wanted.get("type") if isinstance(wanted, dict) else None


def _tool(payload: dict[str, Any], messages: list[Any]) -> str | None:
    """The function to call: the one named, else the first, unless its result is already there."""
    tools = payload.get("tools") or []
    choice = payload.get("tool_choice", "auto")
    if isinstance(choice, dict):
        return str(choice.get("function", {}).get("name", ""))
    answered = bool(messages) and isinstance(messages[-1], dict) and messages[-1].get("role") == "tool"
    if not tools or choice == "none" or (choice == "auto" and answered):
        return None
    return str(tools[0]["function"]["name"])


def _tool_call(reply: Reply, arguments: str) -> dict[str, Any]:
    function = {"name": reply.tool, "arguments": arguments}
    return {"id": f"call_{reply.number:024d}", "type": "function", "function": function}


def _message(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if reply.tool else reply.text,
        "refusal": None,
    }
    return message | ({"tool_calls": [_tool_call(reply, reply.text)]} if reply.tool else {})


def _chat_events(call: Call, reply: Reply) -> list[bytes]:
    """A role, the text piece by piece, a finish reason, and the usage if it was asked for."""
    with_usage = _wants_usage(call)
    head = _head(reply, "chat.completion.chunk") | ({"usage": None} if with_usage else {})
    steps = [_first_delta(reply), *(_delta(reply, part) for part in reply.parts)]
    events = [
        data_event(head | {"choices": [_delta_choice(index, delta, None)]})
        for delta in steps
        for index in range(reply.choices)
    ]
    events += [
        data_event(head | {"choices": [_delta_choice(index, {}, FINISH[reply.finish])]})
        for index in range(reply.choices)
    ]
    if with_usage:
        events.append(data_event(head | {"choices": [], "usage": usage(reply)}))
    return [*events, DONE]


def _wants_usage(call: Call) -> bool:
    options = call.payload.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True and not call.controls.no_usage


def _first_delta(reply: Reply) -> dict[str, Any]:
    if not reply.tool:
        return {"role": "assistant", "content": "", "refusal": None}
    return {"role": "assistant", "content": None, "tool_calls": [{"index": 0} | _tool_call(reply, "")]}


def _delta(reply: Reply, part: str) -> dict[str, Any]:
    return (
        {"tool_calls": [{"index": 0, "function": {"arguments": part}}]} if reply.tool else {"content": part}
    )


def _delta_choice(index: int, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def _text_choice(content: str, finish: str | None) -> dict[str, Any]:
    return {"index": 0, "text": content, "logprobs": None, "finish_reason": finish}


def _completion_events(call: Call, reply: Reply) -> list[bytes]:
    head = _head(reply, "text_completion")
    events = [data_event(head | {"choices": [_text_choice(part, None)]}) for part in reply.parts]
    events.append(data_event(head | {"choices": [_text_choice("", FINISH[reply.finish])]}))
    if _wants_usage(call):
        events.append(data_event(head | {"choices": [], "usage": usage(reply)}))
    return [*events, DONE]
