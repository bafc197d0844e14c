"""What an answer says about itself, and reading it from its JSON."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

MAX_USAGE_BYTES = 16 * 1024
MAX_NAME_CHARS = 256

USAGE_KEY = re.compile(rb'"usage(?:Metadata)?"\s*:\s*\{')
"""A usage object begins. Inside of a JSON string the quotes would be escaped, so that text can't match."""


@dataclass(slots=True)
class Found:
    """What was found so far; later finds win."""

    usage: dict[str, Any] | None = None
    model: str = ""
    service_tier: str = ""
    error_code: str = ""
    error_message: str = ""

    def take(self, answer: Any) -> None:
        """Read an answer, or an event of a stream, that was parsed from JSON."""
        # Gemini streams a JSON array if it is not asked for events.
        for item in answer if isinstance(answer, list) else (answer,):
            if isinstance(item, dict):
                self._take_object(item)
                # OpenAI's responses, Anthropic's message_start, Groq's last chunk
                for key in ("response", "message", "x_groq"):
                    if isinstance(inner := item.get(key), dict):
                        self._take_object(inner)

    def _take_object(self, answer: dict[str, Any]) -> None:
        self.model = _name(answer, "model") or _name(answer, "modelVersion") or self.model
        self.service_tier = _name(answer, "service_tier") or _name(answer, "serviceTier") or self.service_tier
        for key in ("usage", "usageMetadata"):
            self._take_usage(answer.get(key))
        if answer.get("error") is not None:
            self._take_error(answer["error"])

    def _take_usage(self, usage: Any) -> None:
        if not isinstance(usage, dict) or not usage or not _encodable(usage):
            return
        # Anthropic counts input at the start of a stream and output at its end.
        merged = {**(self.usage or {}), **{key: value for key, value in usage.items() if value is not None}}
        self.usage = merged or self.usage
        self.service_tier = _name(usage, "service_tier") or self.service_tier

    def _take_error(self, error: Any) -> None:
        if isinstance(error, str):
            self.error_message = self.error_message or error[:512]
        elif isinstance(error, dict):
            code = error.get("code") or error.get("type") or error.get("status")
            message = error.get("message")
            self.error_code = self.error_code or (str(code)[:MAX_NAME_CHARS] if code is not None else "")
            self.error_message = self.error_message or (message[:512] if isinstance(message, str) else "")


def flavor_of(usage: dict[str, Any] | None, expected: str) -> str:
    """The API whose shape a usage object has; what was expected wins if the object fits it."""
    if not usage:
        return ""
    if "promptTokenCount" in usage or "totalTokenCount" in usage:
        return "google.generate"
    if "inputTokens" in usage or "outputTokens" in usage:
        return "bedrock.converse"
    if "prompt_tokens" in usage or "completion_tokens" in usage:
        return expected if expected in {"openai.chat", "openai.embeddings"} else "openai.chat"
    if "input_tokens" in usage or "output_tokens" in usage:
        return expected if expected == "anthropic.messages" else "openai.responses"
    return expected


def _encodable(usage: dict[str, Any]) -> bool:
    """Whether it is of a sane size and can be written into an event again."""
    try:
        return len(orjson.dumps(usage)) <= MAX_USAGE_BYTES
    except orjson.JSONEncodeError:
        return False


def _name(answer: dict[str, Any], key: str) -> str:
    value = answer.get(key)
    return value[:MAX_NAME_CHARS] if isinstance(value, str) else ""
