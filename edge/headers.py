"""Which request headers are the gateway's, which go to the provider, and which answer headers come back."""

from dataclasses import dataclass

from tallygate.edge.http.names import HOP_BY_HOP, RawHeaders, connection_options, text
from tallygate.edge.labels import PREFIXES, GatewayHeader

_REPLACED = frozenset({b"host", b"content-length", b"expect", b"accept-encoding"})
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"})
_RATE_LIMIT = (b"x-ratelimit-", b"anthropic-ratelimit-", b"retry-after")
MAX_RATE_LIMIT_HEADERS = 32
MAX_RATE_LIMIT_CHARS = 256

PLACEHOLDERS = frozenset(
    {
        "",
        "-",
        "x",
        "xx",
        "xxx",
        "none",
        "null",
        "nil",
        "undefined",
        "empty",
        "dummy",
        "placeholder",
        "tallygate",
        "helicone",
        "not-needed",
        "no-key",
        "no-key-required",
        "your-api-key",
        "sk-none",
        "sk-dummy",
        "sk-placeholder",
        "sk-x",
        "sk-xxx",
    }
)
"""Keys, compared without case, that only fill a field which an SDK does not let be empty."""
GATEWAY_KEY = "tg-"
"""Prefix of the gateway's own keys: such a key is never passed on."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request's headers, sorted by what happens to them."""

    gateway: dict[str, GatewayHeader]
    """By name in lower case without prefix; `Tallygate-X` wins over `Helicone-X`."""
    credentials: RawHeaders
    """The caller's own provider key, as sent; empty if it was a placeholder or a key of the gateway's."""
    gateway_key: str
    """The gateway's key that stood in the place of a provider's; empty if none."""
    forward: RawHeaders
    """What else goes to the provider."""
    accept_encoding: str | None
    content_type: str
    content_encoding: str
    expects_continue: bool

    def __repr__(self) -> str:
        """Without values: they hold keys."""
        return f"Inbound({len(self.forward)} headers)"


def sort_inbound(headers: RawHeaders) -> Inbound:
    """Sort a request's headers."""
    dropped = HOP_BY_HOP | connection_options(headers) | _REPLACED
    special: dict[bytes, str] = {}
    gateway: dict[str, GatewayHeader] = {}
    credentials: RawHeaders = []
    gateway_key = ""
    forward: RawHeaders = []
    for name, value in headers:
        key = name.lower()
        if key.startswith(PREFIXES):
            _add_gateway_header(gateway, name, value)
        elif key in _CREDENTIALS:
            if not is_placeholder(text(value)):
                credentials.append((name, value))
            elif (secret := secret_of(text(value))).startswith(GATEWAY_KEY):
                gateway_key = gateway_key or secret
        else:
            if key not in dropped:
                forward.append((name, value))
            special[key] = text(value).strip()
    return Inbound(
        gateway=gateway,
        credentials=credentials,
        gateway_key=gateway_key,
        forward=forward,
        accept_encoding=special.get(b"accept-encoding"),
        content_type=special.get(b"content-type", "").lower(),
        content_encoding=special.get(b"content-encoding", "").lower(),
        expects_continue=special.get(b"expect", "").lower() == "100-continue",
    )


def is_credential(name: bytes) -> bool:
    """Whether a header carries a provider key."""
    return name.lower() in _CREDENTIALS


def is_gateway(name: bytes) -> bool:
    """Whether a header is one of the gateway's own."""
    return name.lower().startswith(PREFIXES)


def is_placeholder(value: str) -> bool:
    """Whether a credential is no provider key: empty, a filler, or a key of the gateway's."""
    key = secret_of(value).lower()
    return key in PLACEHOLDERS or key.startswith(GATEWAY_KEY)


def secret_of(value: str) -> str:
    """The secret part of a credential header."""
    value = value.strip()
    scheme, _, rest = value.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value


def sort_answer(headers: RawHeaders) -> RawHeaders:
    """The provider's headers that go to the caller; the length is set anew."""
    dropped = HOP_BY_HOP | connection_options(headers) | {b"content-length"}
    return [
        (name, value)
        for name, value in headers
        if (key := name.lower()) not in dropped and not key.startswith(PREFIXES)
    ]


def shown(headers: RawHeaders) -> list[tuple[str, str]]:
    """Headers as text, names in lower case."""
    return [(name.decode("latin-1").lower(), text(value)) for name, value in headers]


def rate_limit(headers: RawHeaders) -> dict[str, str]:
    """The provider's rate-limit state, names in lower case."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key.startswith(_RATE_LIMIT) and len(found) < MAX_RATE_LIMIT_HEADERS:
            found[key.decode("latin-1")] = text(value)[:MAX_RATE_LIMIT_CHARS]
    return found


def _add_gateway_header(gateway: dict[str, GatewayHeader], name: bytes, value: bytes) -> None:
    sent = text(name)
    prefix, _, suffix = sent.partition("-")
    key = suffix.lower()
    if key in gateway and prefix.lower() != "tallygate":
        return
    gateway[key] = GatewayHeader(sent, text(value).strip())
