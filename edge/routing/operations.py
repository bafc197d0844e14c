"""Paths to operations: what is called, in which dialect, and of which provider if the path says so."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from tallygate.edge.errors import Dialect

_OPENAI_ROOTS = frozenset(
    {
        "assistants",
        "audio",
        "batches",
        "chat",
        "chatkit",
        "completions",
        "containers",
        "conversations",
        "embeddings",
        "evals",
        "files",
        "fine_tuning",
        "images",
        "models",
        "moderations",
        "organization",
        "realtime",
        "responses",
        "skills",
        "threads",
        "uploads",
        "vector_stores",
        "videos",
    }
)
"""First parts of the paths of OpenAI's API: what is taken without `/v1` as well."""

JSON_OPERATIONS = frozenset({"chat/completions", "completions", "embeddings", "responses", "messages"})
"""Their body is JSON with a model; anything else is refused here with a clear error."""
MODEL_OPERATIONS = re.compile(
    r"(?:chat/completions|completions|embeddings|responses|moderations)$|images/|audio/"
)
"""Of these an unknown model is an error; of others a field `model` may mean something else."""
INCLUDE_USAGE_OPERATIONS = frozenset({"chat/completions", "completions"})

_FLAVORS = {
    "chat/completions": "openai.chat",
    "completions": "openai.chat",
    "embeddings": "openai.embeddings",
    "responses": "openai.responses",
    "messages": "anthropic.messages",
    "generateContent": "google.generate",
    "streamGenerateContent": "google.generate",
}
# A prefix that is not part of the operation: `/openai/v1`, `/v1beta/openai`, `/inference/v1`, `/v1`.
_BEFORE_OPERATION = re.compile(r"/(?:(?:openai|inference|api)/)?(?:v\d+[a-z0-9]*/)?(?:openai/)?")
_GOOGLE_CALL = re.compile(r"(?:tuned)?[mM]odels/([^/:]+):(\w+)$")
_DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Operation:
    """What a path calls."""

    name: str
    """The API operation: the path below the version, without ids only where the path has none."""
    path: str
    """For a provider that follows from the model: below the root of the OpenAI-compatible API. Else below
    the provider's own."""
    dialect: Dialect
    provider: str = ""
    """Set if the path alone says it."""
    passthrough: bool = False
    """Called as `/<provider>/…`."""
    model: str = ""
    """Set if the path names it."""

    @property
    def flavor(self) -> str:
        """The shape in which usage is expected, or empty."""
        return _FLAVORS.get(self.name, "")


def is_openai_operation(path: str) -> bool:
    """Whether a path is one of OpenAI's without a version."""
    return path[1:].partition("/")[0] in _OPENAI_ROOTS


def is_unsafe(path: str) -> bool:
    """Whether a path could leave the provider's base URL."""
    return _DOT_SEGMENT.search(path) is not None


def classify(path: str, providers: Collection[str]) -> Operation | None:
    """The operation of a path (without its query); None if the gateway has no such path."""
    head, _, rest = path[1:].partition("/")
    if head in providers:
        return _passthrough(head, "/" + rest)
    return _own(path)


@lru_cache(maxsize=1024)
def _own(path: str) -> Operation | None:
    if path == "/v1/messages" or path.startswith("/v1/messages/"):
        return Operation(path.removeprefix("/v1/"), path, "anthropic", provider="anthropic")
    if path.startswith("/v1/") and len(path) > len("/v1/"):
        return Operation(path.removeprefix("/v1/").rstrip("/"), path.removeprefix("/v1"), "openai")
    if is_openai_operation(path):
        return Operation(path.strip("/"), path, "openai")
    return None


@lru_cache(maxsize=1024)
def _passthrough(provider: str, path: str) -> Operation:
    name = _BEFORE_OPERATION.sub("", path, count=1).rstrip("/")
    model = ""
    if (call := _GOOGLE_CALL.search(name)) is not None:
        model, name = call.group(1), call.group(2)
    dialect: Dialect = "anthropic" if provider == "anthropic" and "openai" not in path else "openai"
    return Operation(name, path, dialect, provider=provider, passthrough=True, model=model)
