"""A provider as configured: its address, its key, and the URLs made from them."""

import re
from dataclasses import dataclass, field

from tallygate.edge.routing.operations import is_openai_operation
from tallygate.edge.routing.registry import Provider

_VERSION_END = re.compile(r"/v\d+[a-z0-9]*$")


@dataclass(frozen=True, slots=True)
class Target:
    """A provider that can be called."""

    provider: Provider
    base_url: str
    """Without a slash at its end."""
    api_key: str = field(default="", repr=False)

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.provider.id

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
        path = self.provider.compat_path
        if path and self.base_url.endswith(path):
            return self.base_url.removesuffix(path)
        return _VERSION_END.sub("", self.base_url)

    def passthrough_url(self, path: str) -> str:
        """URL for a path that a caller put behind `/<provider>`.

        The path may be the provider's own (`/openai/v1/chat/completions` of Groq), OpenAI's with its version,
        or without one.
        """
        if is_openai_operation(path):
            return self.compat_url + path
        compat = self.compat_url
        if path.startswith("/v1/") and compat.endswith("/v1"):
            return compat.removesuffix("/v1") + path
        return (self.native_url if _starts_with_version(path) else self.base_url) + path

    def key_headers(self, *, native: bool) -> list[tuple[bytes, bytes]]:
        """Headers that carry the configured key; none if there is no key."""
        if not self.api_key:
            return []
        key = self.api_key.encode()
        style = self.provider.native_key if native else "bearer"
        if style == "bearer":
            return [(b"Authorization", b"Bearer " + key)]
        return [(style.encode(), key)]


def _starts_with_version(path: str) -> bool:
    return re.match(r"/v\d", path) is not None
