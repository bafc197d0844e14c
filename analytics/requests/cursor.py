"""Where a page of calls ended.

Calls are listed by (received_at, request_id, origin) descending, which no two rows share: the next page is
what is below the last row of this one, whatever has arrived meanwhile.
"""

import base64
import binascii
from typing import NamedTuple

import orjson

from tallygate.schemas.call import Origin

_MAX_CHARS = 1024


class Cursor(NamedTuple):
    """A row's place in the order."""

    received_at_us: int
    request_id: str
    origin_edge: str
    origin_seq: int


def encode(cursor: Cursor) -> str:
    """The cursor as callers carry it: opaque, safe in a URL."""
    return base64.urlsafe_b64encode(orjson.dumps(list(cursor))).rstrip(b"=").decode()


def decode(text: str) -> Cursor:
    """Take back what `encode` gave.

    Raises:
        ValueError: it did not.
    """
    if len(text) > _MAX_CHARS:
        raise ValueError("is too long")
    try:
        padded = text.encode() + b"=" * (-len(text) % 4)
        received_at_us, request_id, edge, seq = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
        origin = Origin.model_validate({"edge_id": edge, "seq": seq}, strict=True)
        if not isinstance(request_id, str) or type(received_at_us) is not int or received_at_us < 0:
            raise ValueError("has other fields")
    except (ValueError, TypeError, binascii.Error) as error:
        raise ValueError("is not one that a page gave") from error
    return Cursor(received_at_us, request_id, origin.edge_id, origin.seq)
