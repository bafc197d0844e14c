"""An export's pages: bounded in rows and bytes, each read by statements of its own.

So memory stays bounded whatever is exported, no statement runs for long, and other queries get their turns.
A page's places are read first, from narrow columns: they tell where it ends.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from tallygate.analytics.models import CallFields
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.order import Order, Place
from tallygate.analytics.requests.statement import SENT_PROPERTIES, Rows, Statement, over, select

PAGE_ROWS = 5_000
PAGE_BYTES = 16 * 1024 * 1024
"""Of bodies, as they were on the wire; what is stored of one is bounded, too."""


class Raw(Protocol):
    """Runs a statement and gives its result in a format of ClickHouse; blocks."""

    def __call__(self, statement: Statement, fmt: str) -> bytes:
        """Raise `ClickHouseError`."""


class Asked(NamedTuple):
    """What is exported, apart from the format."""

    project: str
    clauses: tuple[Clause, ...]
    descending: bool
    bodies: bool

    @property
    def order(self) -> Order:
        """By time."""
        return Order("received_at", self.descending)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file."""
        return (*CallFields.model_fields, "attempts", *(("prompt", "response") if self.bodies else ()))


class Page(NamedTuple):
    """A page of the file."""

    raw: bytes
    rows: int
    last: Place | None
    """Where the next one begins; None if this is the last."""


def count(rows: Rows, asked: Asked) -> int:
    """How many calls there are to export."""
    ((total,),) = rows(select(["count()"], "calls", asked.clauses, asked.project))
    return int(total)


def read_page(rows: Rows, raw: Raw, asked: Asked, fmt: str, after: Place | None) -> Page:
    """Read what comes after a place."""
    places = rows(_places(asked, after))
    taken = _fitting(places) if asked.bodies else len(places)
    ends = taken == len(places) < PAGE_ROWS
    last = Place(*places[taken - 1][:-1]) if taken else None
    return Page(raw(_whole(asked, fmt, after, last), fmt), taken, None if ends else last)


def _places(asked: Asked, after: Place | None) -> Statement:
    size = "prompt_bytes + response_bytes" if asked.bodies else "0"
    clauses = [*asked.clauses, *(asked.order.after(after) if after is not None else [])]
    tail = (asked.order.sql, f"LIMIT {PAGE_ROWS}")
    return select([*asked.order.columns, size], "calls", clauses, asked.project, *tail)


def _fitting(places: Sequence[Sequence[Any]]) -> int:
    """How many rows make a page; one at least, if there is one."""
    size = 0
    for number, place in enumerate(places):
        size += place[-1]
        if size > PAGE_BYTES:
            return max(1, number)
    return len(places)


def _whole(asked: Asked, fmt: str, after: Place | None, last: Place | None) -> Statement:
    clauses = [*asked.clauses, *(asked.order.after(after) if after is not None else [])]
    # A page without rows is asked for, too: it tells the columns.
    clauses += asked.order.until(last) if last is not None else [Clause("0", {})]
    # Under another name inside: a filter's `properties` would else mean this column, and not the view's.
    sent = f"toJSONString({SENT_PROPERTIES})" if fmt == "CSV" else SENT_PROPERTIES
    plain = [column for column in asked.columns if column != "properties"]
    inner = select([*plain, f"{sent} AS sent", "origin_edge", "origin_seq"], "calls", clauses, asked.project)
    outer = ["sent AS properties" if column == "properties" else column for column in asked.columns]
    return over(inner, outer, asked.order.sql)
