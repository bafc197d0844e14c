"""Names of HTTP headers that the gateway treats in a special way, in lower case."""

RawHeaders = list[tuple[bytes, bytes]]
"""Headers as on the wire, in order, with their case."""

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110, section 7.6.1: they speak of one connection and are never passed on."""


def connection_options(headers: RawHeaders) -> frozenset[bytes]:
    """Names that a `Connection` header declares to be hop-by-hop as well."""
    values = [value for name, value in headers if name.lower() == b"connection"]
    if not values:
        return frozenset()
    return frozenset(option.strip().lower() for option in b",".join(values).split(b","))


def get(headers: RawHeaders, name: bytes) -> str:
    """The first value of a header, by its name in lower case; empty if there is none."""
    for key, value in headers:
        if key.lower() == name:
            return text(value).strip()
    return ""


def text(raw: bytes) -> str:
    """A header's value as text: UTF-8 if it is valid UTF-8, else Latin-1 as HTTP once had it."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
