"""Orders in which calls are listed, and a call's place in one.

Every order ends in (received_at, request_id, origin), which no two rows share: the next page is what comes
after the last row of this one, whatever has arrived meanwhile.
"""

import base64
import binascii
from datetime import datetime
from typing import Literal, NamedTuple

import orjson

from tallygate.analytics.requests.clause import Clause
from tallygate.schemas.call import Origin
from tallygate.schemas.times import micros_of, text_of

SortField = Literal[
    "received_at",
    "cost_usd",
    "latency_ms",
    "ttft_ms",
    "input_tokens",
    "output_tokens",
    "attempts",
    "status",
    "prompt_bytes",
    "response_bytes",
]
_VALUES: dict[SortField, str] = {
    "received_at": "toInt64(0)",
    # What is not known counts as less than anything.
    "cost_usd": "ifNull(cost_nanos, toInt64(-9223372036854775808))",
    "latency_ms": "toInt64(latency_us)",
    "ttft_ms": "ifNull(toInt64(ttft_us), toInt64(-1))",
    "input_tokens": "toInt64(input_tokens)",
    "output_tokens": "toInt64(output_tokens)",
    "attempts": "toInt64(attempts)",
    "status": "toInt64(status)",
    "prompt_bytes": "toInt64(prompt_bytes)",
    "response_bytes": "toInt64(response_bytes)",
}
_PLACE = ("received_at", "request_id", "origin_edge", "origin_seq")
_MAX_CHARS = 1024
_INT64 = 2**63


class Place(NamedTuple):
    """A row's place: the value that it is sorted by, then what makes it unique."""

    value: int
    received_at: datetime
    request_id: str
    origin_edge: str
    origin_seq: int


class Order(NamedTuple):
    """An order; by time the value is the same for all."""

    by: SortField = "received_at"
    descending: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """What a `Place` is read from."""
        return (f"{_VALUES[self.by]} AS place_value", *_PLACE)

    @property
    def sql(self) -> str:
        """The ORDER BY, written so that by time ClickHouse reads along its primary key."""
        direction = "DESC" if self.descending else "ASC"
        names = _PLACE if self.by == "received_at" else ("place_value", *_PLACE)
        return "ORDER BY " + ", ".join(f"{name} {direction}" for name in names)

    def until(self, place: Place) -> list[Clause]:
        """What does not come after a row; by time only."""
        return self._compared(place, ">=" if self.descending else "<=", "u")

    def after(self, place: Place) -> list[Clause]:
        """What comes after a row."""
        return self._compared(place, "<" if self.descending else ">", "c")

    def _compared(self, place: Place, sign: str, key: str) -> list[Clause]:
        at = f"{{{key}_at:DateTime64(6, 'UTC')}}"
        unique = f"{at}, {{{key}_id:String}}, {{{key}_edge:String}}, {{{key}_seq:UInt64}}"
        sent = {
            f"{key}_at": text_of(micros_of(place.received_at)),
            f"{key}_id": place.request_id,
            f"{key}_edge": place.origin_edge,
            f"{key}_seq": place.origin_seq,
        }
        if self.by == "received_at":
            # The first condition is implied by the second; it is what the primary key is searched by.
            return [
                Clause(f"received_at {sign[0]}= {at}", {}),
                Clause(f"({', '.join(_PLACE)}) {sign} ({unique})", sent),
            ]
        columns = ", ".join((_VALUES[self.by], *_PLACE))
        value = f"{{{key}_value:Int64}}"
        return [Clause(f"({columns}) {sign} ({value}, {unique})", sent | {f"{key}_value": place.value})]

    def cursor(self, place: Place) -> str:
        """A place as callers carry it: opaque, safe in a URL."""
        at_us = micros_of(place.received_at)
        parts = [self.by, self.descending, place.value, at_us, *place[2:]]
        return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()

    def place(self, cursor: str) -> Place:
        """Take back what `cursor` gave.

        Raises:
            ValueError: it did not, or in another order.
        """
        if len(cursor) > _MAX_CHARS:
            raise ValueError("is too long")
        try:
            padded = cursor.encode() + b"=" * (-len(cursor) % 4)
            parts = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
            by, descending, value, at_us, request_id, edge, seq = parts
            origin = Origin.model_validate({"edge_id": edge, "seq": seq}, strict=True)
            if not isinstance(request_id, str) or type(at_us) is not int or type(value) is not int:
                raise ValueError("has other fields")
            if not -_INT64 <= value < _INT64:
                raise ValueError("is out of range")
            text_of(at_us)
            place = Place(value, _datetime(at_us), request_id, origin.edge_id, origin.seq)
        except (ValueError, TypeError, OverflowError, binascii.Error) as error:
            raise ValueError("is not one that a page gave") from error
        if [by, descending] != [self.by, self.descending]:
            raise ValueError("is of a page in another order")
        return place


def _datetime(time_us: int) -> datetime:
    if not time_us >= 0:
        raise ValueError("is before 1970")
    return datetime.fromisoformat(text_of(time_us) + "+00:00")
