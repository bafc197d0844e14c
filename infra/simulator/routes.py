"""Which operation of which dialect a path is. Pure.

Only the end of a path counts, so that any base URL with any prefix works.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tallygate.infra.simulator import anthropic, google, openai, openai_chat, openai_responses
from tallygate.infra.simulator.plan import Plan
from tallygate.infra.simulator.reply import Call


class Dialect(Protocol):
    """What every dialect module has."""

    def error(self, status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
        """An error's body."""

    def limits(self, requests_left: int, tokens_left: int) -> dict[str, str]:
        """The rate-limit headers of an answer."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation."""

    method: str
    pattern: re.Pattern[str]
    operation: str
    dialect: Dialect
    answer: Callable[[Call], Plan]


def _route(method: str, tail: str, operation: str, dialect: Dialect, answer: Callable[[Call], Plan]) -> Route:
    return Route(method, re.compile(rf".*/{tail}/?"), operation, dialect, answer)


ROUTES = (
    _route("POST", "messages/count_tokens", "count_tokens", anthropic, anthropic.count_tokens),
    _route("POST", "messages", "messages", anthropic, anthropic.messages),
    _route("POST", "models/[^/:]+:generateContent", "generate", google, google.generate),
    _route("POST", "models/[^/:]+:streamGenerateContent", "stream", google, google.generate),
    _route("POST", "models/[^/:]+:countTokens", "count_tokens", google, google.count_tokens),
    _route("GET", "v1beta/models", "models", google, google.models),
    _route("POST", "chat/completions", "chat", openai, openai_chat.chat),
    _route("POST", "completions", "completions", openai, openai_chat.completion),
    _route("POST", "responses", "responses", openai, openai_responses.create),
    _route("POST", "embeddings", "embeddings", openai, openai.embeddings),
    _route("POST", "images/(generations|edits|variations)", "images", openai, openai.images),
    _route("POST", "audio/speech", "speech", openai, openai.speech),
    _route("POST", "audio/(transcriptions|translations)", "transcription", openai, openai.transcription),
    _route("POST", "moderations", "moderations", openai, openai.moderations),
    _route("GET", "models(/[^/]+)?", "models", openai, openai.models),
    _route("POST", "files", "files.create", openai, openai.files),
    _route("GET", "files(/[^/]+(/content)?)?", "files.list", openai, openai.files),
    _route("POST", "batches(/[^/]+/cancel)?", "batches.create", openai, openai.batches),
    _route("GET", "batches(/[^/]+)?", "batches.list", openai, openai.batches),
    _route("DELETE", "files/[^/]+", "files.delete", openai, openai.files),
)
ANTHROPIC_MODELS = _route("GET", "models(/[^/]+)?", "models", anthropic, anthropic.models)


def find(method: str, path: str, headers: Mapping[str, str]) -> Route | None:
    """The operation that a request asks for."""
    route = next((r for r in ROUTES if r.method == method and r.pattern.fullmatch(path)), None)
    if route is not None and route.operation == "models" and "anthropic-version" in headers:
        return ANTHROPIC_MODELS
    return route


def dialect_of(path: str, headers: Mapping[str, str]) -> Dialect:
    """Whose errors to send for a path that is no operation."""
    if "anthropic-version" in headers:
        return anthropic
    return google if "/v1beta/" in path and "/openai/" not in path else openai
