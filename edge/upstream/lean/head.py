"""Writing the head of a request, so that nothing in it can end it early. Pure."""

import re
from functools import lru_cache

from tallygate.edge.http.names import HOP_BY_HOP
from tallygate.edge.upstream.base import UpstreamProtocolError, UpstreamRequest

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
"""Headers that are the client's own business. `Expect` is never sent: nobody here waits for a 100."""
_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
"""Methods for which a missing body is said to be empty (RFC 9110, section 8.6)."""


def request_head(request: UpstreamRequest, host: bytes, target: bytes) -> bytes:
    """The head with its empty line.

    Raises:
        UpstreamProtocolError: a method, name or value would break the framing.
    """
    if not _is_token(request.method):
        raise UpstreamProtocolError("not a method")
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), target), b"Host: " + host]
    lines += [b"%b: %b" % header for header in request.headers if _is_sent(header[0])]
    framing = _framing(request)
    if framing:
        lines.append(framing)
    lines.append(b"\r\n")
    head = b"\r\n".join(lines)
    # As many line ends as were put in, and no other half of one: cheaper than a look at each value.
    if not head.count(b"\n") == head.count(b"\r") == len(lines) or b"\0" in head:
        raise UpstreamProtocolError("a header has a line break in it")
    return head


def _framing(request: UpstreamRequest) -> bytes:
    body = request.body
    if body is None:
        return b"Content-Length: 0" if request.method in _WITH_LENGTH else b""
    if isinstance(body, bytes):
        return b"Content-Length: %d" % len(body)
    if request.length is None:
        return b"Transfer-Encoding: chunked"
    return b"Content-Length: %d" % request.length


@lru_cache(maxsize=256)
def _is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _is_sent(name: bytes) -> bool:
    if not _is_token(name.decode("latin-1")):
        raise UpstreamProtocolError("not a header's name")
    return name.lower() not in _OWN
