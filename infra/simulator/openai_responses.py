"""OpenAI's Responses API. Pure."""

from typing import Any

from tallygate.infra.simulator import text
from tallygate.infra.simulator.plan import Plan, dump, named_event
from tallygate.infra.simulator.reply import Call, Prompt, Reply, compose, model_of, need


def create(call: Call) -> Plan:
    """`POST /v1/responses`."""
    payload = call.payload
    given = need(payload, "input", (str, list))
    words = text.strings([payload.get("instructions") or "", given])
    shape = (payload.get("text") or {}).get("format") or {}
    prompt = Prompt(
        model_of(payload),
        words,
        payload.get("max_output_tokens"),
        tool=_tool(payload, given),
        json_mode=shape.get("type") in ("json_object", "json_schema"),
    )
    reply = compose(call, prompt)
    final = _response(call, reply)
    events = tuple(_events(call, reply, final)) if payload.get("stream") else None
    return Plan(
        body=b"" if events else dump(final),
        events=events,
        model=reply.model,
        input_tokens=reply.tokens.input,
        output_tokens=reply.tokens.output + reply.tokens.reasoning,
    )


def usage(reply: Reply) -> dict[str, Any]:
    """The usage object of the Responses API."""
    tokens = reply.tokens
    output = tokens.output + tokens.reasoning
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + output,
    }


def _tool(payload: dict[str, Any], given: Any) -> str | None:
    tools = [tool for tool in payload.get("tools") or [] if tool.get("type") == "function"]
    answered = isinstance(given, list) and any(
        isinstance(item, dict) and item.get("type") == "function_call_output" for item in given
    )
    if not tools or payload.get("tool_choice") == "none" or answered:
        return None
    return str(tools[0]["name"])


def _item(reply: Reply, content: str, status: str) -> dict[str, Any]:
    if reply.tool:
        return {
            "id": f"fc_{reply.number:024d}",
            "type": "function_call",
            "status": status,
            "call_id": f"call_{reply.number:024d}",
            "name": reply.tool,
            "arguments": content,
        }
    parts = [_part(content)] if status == "completed" else []
    return {
        "id": f"msg_{reply.number:024d}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": parts,
    }


def _part(content: str) -> dict[str, Any]:
    return {"type": "output_text", "text": content, "annotations": [], "logprobs": []}


def _response(call: Call, reply: Reply) -> dict[str, Any]:
    cut = reply.finish == "length"
    body = {
        "id": f"resp_{reply.number:048d}",
        "object": "response",
        "created_at": reply.created_s,
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": call.payload.get("instructions"),
        "max_output_tokens": call.payload.get("max_output_tokens"),
        "model": reply.model,
        "output": [_item(reply, reply.text, "completed")],
        "parallel_tool_calls": True,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "tool_choice": call.payload.get("tool_choice") or "auto",
        "tools": call.payload.get("tools") or [],
        "top_p": 1.0,
        "metadata": call.payload.get("metadata") or {},
    }
    return body if call.controls.no_usage else body | {"usage": usage(reply)}


def _events(call: Call, reply: Reply, final: dict[str, Any]) -> list[bytes]:
    """From `response.created` to `response.completed`, numbered."""
    begun = final | {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    steps: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": _item(reply, "", "in_progress")},
        *(_tool_steps(reply) if reply.tool else _text_steps(reply)),
        {"type": "response.output_item.done", "output_index": 0, "item": final["output"][0]},
        {"type": f"response.{final['status']}", "response": final},
    ]
    return [named_event(step | {"sequence_number": number}) for number, step in enumerate(steps)]


def _text_steps(reply: Reply) -> list[dict[str, Any]]:
    at = {"item_id": f"msg_{reply.number:024d}", "output_index": 0, "content_index": 0}
    deltas = [
        {"type": "response.output_text.delta", **at, "delta": part, "logprobs": []} for part in reply.parts
    ]
    return [
        {"type": "response.content_part.added", **at, "part": _part("")},
        *deltas,
        {"type": "response.output_text.done", **at, "text": reply.text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": _part(reply.text)},
    ]


def _tool_steps(reply: Reply) -> list[dict[str, Any]]:
    at = {"item_id": f"fc_{reply.number:024d}", "output_index": 0}
    name = "response.function_call_arguments"
    deltas = [{"type": f"{name}.delta", **at, "delta": part} for part in reply.parts]
    return [*deltas, {"type": f"{name}.done", **at, "name": reply.tool, "arguments": reply.text}]
