"""A provider as configured, or a stored credential: address and key, and the URLs made from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from tallygate.edge.routing.operations import is_openai_operation
from tallygate.edge.routing.registry import AZURE, BEDROCK, Provider

AZURE_API_VERSION = "2024-10-21"
"""Azure's latest stable version of the API of deployments."""
BEDROCK_REGION = "us-east-1"
_VERSION_END = re.compile(r"/v\d+[a-z0-9]*$")
_OF_DEPLOYMENTS = re.compile(r"/(?:chat/completions|completions|embeddings|images/\w+|audio/\w+)$")


@dataclass(frozen=True, slots=True)
class Target:
    """A provider that can be called: one deployment of it."""

    provider: Provider
    base_url: str
    """Without a slash at its end."""
    api_key: str = field(default="", repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What is needed beside or instead of one key: AWS's."""
    api_version: str = ""
    region: str = ""
    model_map: Mapping[str, str] = field(default_factory=dict)
    """Model asked for → its name here."""
    weight: float = 1
    name: str = ""
    """Of the stored credential; empty for what the settings or the environment hold."""

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.provider.id

    @property
    def key(self) -> tuple[str, str, str]:
        """What shares it shares a circuit breaker."""
        return self.provider.id, self.name, self.base_url

    @property
    def compat_url(self) -> str:
        """Root of the OpenAI-compatible API.

        A base URL that already ends in the compatible path, or in a version, is taken for that root: it is
        what people copy from the provider's instructions for OpenAI's SDK.
        """
        path = self.provider.compat_path
        if not path or self.base_url.endswith(path) or _VERSION_END.search(self.base_url):
            return self.base_url
        return self.base_url + path

    @property
    def native_url(self) -> str:
        """Root of the provider's own API, below which a path begins with its version."""
        if self.provider.id == BEDROCK.id:
            region = self.region or BEDROCK_REGION
            return self.base_url or f"https://bedrock-runtime.{region}.amazonaws.com"
        path = self.provider.compat_path
        if path and self.base_url.endswith(path):
            return self.base_url.removesuffix(path)
        return _VERSION_END.sub("", self.base_url)

    @property
    def addressed(self) -> bool:
        """Whether it is known where to call it."""
        return bool(self.base_url) or self.provider.id == BEDROCK.id

    def openai_url(self, path: str, model: str) -> str:
        """URL of an operation of the OpenAI-compatible API; `model` is its name here."""
        if self.provider.id != AZURE.id or _VERSION_END.search(self.base_url):
            return self.compat_url + path
        root = self.base_url if self.base_url.endswith("/openai") else self.base_url + "/openai"
        if model and _OF_DEPLOYMENTS.search(path):
            root += f"/deployments/{quote(model, safe='')}"
        return f"{root}{path}?api-version={self.api_version or AZURE_API_VERSION}"

    def passthrough_url(self, path: str) -> str:
        """URL for a path that a caller put behind `/<provider>`.

        The path may be the provider's own (`/openai/v1/chat/completions` of Groq), OpenAI's with its version,
        or without one.
        """
        if self.provider.id == BEDROCK.id:
            return self.native_url + path
        if is_openai_operation(path):
            return self.compat_url + path
        compat = self.compat_url
        if path.startswith("/v1/") and compat.endswith("/v1"):
            return compat.removesuffix("/v1") + path
        return (self.native_url if _starts_with_version(path) else self.base_url) + path

    def key_headers(self, *, native: bool, own_key: str = "") -> list[tuple[bytes, bytes]]:
        """Headers that carry a key, the configured one by default; none if there is no key."""
        key = (own_key or self.api_key).encode()
        if not key:
            return []
        style = self.provider.native_key if native else self.provider.compat_key
        if style == "bearer":
            return [(b"Authorization", b"Bearer " + key)]
        return [(style.encode(), key)]

    def at(self, url: str) -> "Target":
        """The same provider at another address; its keys go along only to the same origin."""
        url = url.rstrip("/")
        if origin(url) == origin(self.base_url or self.native_url):
            return replace(self, base_url=url)
        return replace(self, base_url=url, api_key="", secrets={}, name="", weight=1)


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _starts_with_version(path: str) -> bool:
    return re.match(r"/v\d", path) is not None
