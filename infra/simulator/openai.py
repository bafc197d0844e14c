"""OpenAI's dialect: errors, rate-limit headers, and the operations besides the conversational ones. Pure."""

import base64
import hashlib
import struct
from typing import Any

from tallygate.infra.simulator import text
from tallygate.infra.simulator.plan import Plan, dump
from tallygate.infra.simulator.reply import (
    OVERHEAD_TOKENS,
    Call,
    Prompt,
    RefusalError,
    compose,
    known_model,
    model_of,
    need,
    without_text,
)

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5", "gpt-5-mini", "o4-mini", "text-embedding-3-small")
ERROR_TYPES = {
    401: "invalid_request_error",
    403: "permission_error",
    429: "requests",
    404: "invalid_request_error",
}
ERROR_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error", 503: "server_error"}
DIMENSIONS = 1536
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def error(status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
    """OpenAI's error body."""
    kind = ERROR_TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    return {
        "error": {"message": message, "type": kind, "param": param, "code": code or ERROR_CODES.get(status)}
    }


def limits(requests_left: int, tokens_left: int) -> dict[str, str]:
    """OpenAI's rate-limit headers."""
    return {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": str(requests_left),
        "x-ratelimit-remaining-tokens": str(tokens_left),
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "1ms",
        "openai-organization": "simulator",
        "openai-processing-ms": "12",
        "openai-version": "2020-10-01",
    }


def embeddings(call: Call) -> Plan:
    """`POST /v1/embeddings`."""
    given = need(call.payload, "input", (str, list))
    inputs = given if isinstance(given, list) and not _is_tokens(given) else [given]
    reply = without_text(compose(call, Prompt(model_of(call.payload), text.strings(inputs))))
    used = call.controls.input_tokens or sum(_length(item) for item in inputs)
    encode = _floats if call.payload.get("encoding_format", "float") == "float" else _base64
    size = call.payload.get("dimensions") or DIMENSIONS
    rows = [
        {"object": "embedding", "index": index, "embedding": encode(_vector(str(item), size))}
        for index, item in enumerate(inputs)
    ]
    body: dict[str, Any] = {"object": "list", "data": rows, "model": reply.model}
    if not call.controls.no_usage:
        body["usage"] = {"prompt_tokens": used, "total_tokens": used}
    return Plan(dump(body), model=reply.model, input_tokens=used)


def models(call: Call) -> Plan:
    """`GET /v1/models` and `/v1/models/{id}`."""
    name = call.path.rpartition("/models")[2].strip("/")
    if name:
        return Plan(dump(_model(known_model(name))))
    return Plan(dump({"object": "list", "data": [_model(item) for item in MODELS]}))


def images(call: Call) -> Plan:
    """`POST /v1/images/*`: one pixel. Those of `gpt-image-*` report usage."""
    body: dict[str, Any] = {"created": call.now_s, "data": [{"b64_json": base64.b64encode(PIXEL).decode()}]}
    model = str(call.payload.get("model") or "")
    if not model.startswith("gpt-image") or call.controls.no_usage:
        return Plan(dump(body), model=model)
    read = text.count(str(call.payload.get("prompt", ""))) + OVERHEAD_TOKENS
    wrote = call.controls.output_tokens or 1056
    details = {"text_tokens": read, "image_tokens": 0}
    body["usage"] = {
        "input_tokens": read,
        "input_tokens_details": details,
        "output_tokens": wrote,
        "total_tokens": read + wrote,
    }
    return Plan(dump(body), model=model, input_tokens=read, output_tokens=wrote)


def speech(call: Call) -> Plan:
    """`POST /v1/audio/speech`: bytes that are no text."""
    spoken = need(call.payload, "input", str)
    frame = b"\xff\xfb\x90\x00" + hashlib.sha256(spoken.encode()).digest()
    return Plan(frame * max(1, len(spoken)), "audio/mpeg", model=model_of(call.payload))


def transcription(call: Call) -> Plan:
    """`POST /v1/audio/transcriptions` and `/translations`; the upload is not looked at."""
    words = "".join(text.pieces("audio", 12))
    used = {"type": "tokens", "input_tokens": 25, "output_tokens": 12, "total_tokens": 37}
    return Plan(dump({"text": words} | ({} if call.controls.no_usage else {"usage": used})))


def moderations(call: Call) -> Plan:
    """`POST /v1/moderations`: nothing is ever flagged."""
    names = ("harassment", "hate", "self-harm", "sexual", "violence")
    result = {
        "flagged": False,
        "categories": dict.fromkeys(names, False),
        "category_scores": dict.fromkeys(names, 0.001),
    }
    need(call.payload, "input", (str, list))
    model = str(call.payload.get("model") or "omni-moderation-latest")
    return Plan(dump({"id": f"modr-{call.number}", "model": model, "results": [result]}), model=model)


def files(call: Call) -> Plan:
    """`/v1/files`: one file exists, `file-1`; an upload becomes it."""
    record = {
        "id": "file-1",
        "object": "file",
        "bytes": 12,
        "created_at": call.now_s,
        "filename": "data.jsonl",
        "purpose": "batch",
        "status": "processed",
    }
    rest = call.path.rpartition("/files")[2].strip("/")
    if rest.endswith("content"):
        return Plan(b'{"line": 1}\n', "application/octet-stream")
    if call.operation == "files.list" and not rest:
        return Plan(dump({"object": "list", "data": [record], "has_more": False}))
    if rest not in ("", "file-1"):
        raise RefusalError(404, f"No such File object: {rest}", param="id")
    deleted = {"id": "file-1", "object": "file", "deleted": True}
    return Plan(dump(deleted if call.operation == "files.delete" else record))


def batches(call: Call) -> Plan:
    """`/v1/batches`: one batch exists, `batch-1`; it is never done."""
    record = {
        "id": "batch-1",
        "object": "batch",
        "endpoint": call.payload.get("endpoint", "/v1/chat/completions"),
        "input_file_id": call.payload.get("input_file_id", "file-1"),
        "completion_window": "24h",
        "status": "cancelling" if call.path.endswith("/cancel") else "in_progress",
        "created_at": call.now_s,
    }
    rest = call.path.rpartition("/batches")[2].strip("/")
    if call.operation == "batches.list" and not rest:
        return Plan(dump({"object": "list", "data": [record], "has_more": False}))
    if rest not in ("", "batch-1", "batch-1/cancel"):
        raise RefusalError(404, f"No batch found with id '{rest}'.", param="id")
    return Plan(dump(record))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_715_367_049, "owned_by": "simulator"}


def _is_tokens(given: list[Any]) -> bool:
    return bool(given) and isinstance(given[0], int)


def _length(item: Any) -> int:
    return len(item) if isinstance(item, list) else text.count(str(item))


def _vector(seed: str, size: int) -> list[float]:
    raw = hashlib.shake_128(seed.encode()).digest(size)
    return [round(byte / 255 - 0.5, 6) for byte in raw]


def _floats(vector: list[float]) -> list[float]:
    return vector


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
