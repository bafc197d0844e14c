"""A page of calls: `GET /api/v1/requests` and `POST /api/v1/requests/search`.

It is read in two steps: the places of its rows from a few columns, then the whole rows at those places. At
once, ClickHouse would read whole rows of every part. In the usual order, the newest first, places are looked
for in slices of time until the page is full.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tallygate.analytics.models import CallFields, CallSummary, SearchPage
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.order import Order, Place
from tallygate.analytics.requests.slices import slices
from tallygate.analytics.requests.statement import Rows, Statement, select
from tallygate.schemas.times import micros_of, text_of

_SUMMARY = (*CallFields.model_fields, "attempts")
_PLACE = ("received_at", "request_id", "origin_edge", "origin_seq")


class Search(NamedTuple):
    """A page that was asked for."""

    project: str
    clauses: tuple[Clause, ...]
    """Filters and times."""
    order: Order
    limit: int
    after: Place | None = None
    counted: bool = False
    newest_us: int | None = None
    """About where the newest of these calls is, if they may be many; None: they are looked for at once."""
    since_us: int = 0
    """None of them is before that."""


def read_page(rows: Rows, asked: Search) -> SearchPage:
    """Read a page."""
    # One row more than asked for: it tells whether there is a next page.
    places = _places(rows, asked, asked.limit + 1)
    shown = places[: asked.limit]
    cursor = asked.order.cursor(shown[-1]) if len(places) > len(shown) else None
    total = _total(rows, asked) if asked.counted else None
    return SearchPage(requests=_summaries(rows, asked.project, shown), next_cursor=cursor, total=total)


def _places(rows: Rows, asked: Search, count: int) -> list[Place]:
    """The places of the rows that come next, in their order."""
    found: list[Place] = []
    for part in _parts(asked):
        found += [Place(*row) for row in rows(_places_of(asked, part, count - len(found)))]
        if len(found) >= count:
            break
    return found


def _parts(asked: Search) -> Iterable[Sequence[Clause]]:
    if asked.newest_us is None or asked.order != Order():
        return [()]
    if asked.after is None:
        return slices(asked.newest_us, asked.since_us)
    return slices(min(asked.newest_us, micros_of(asked.after.received_at)), asked.since_us)


def _places_of(asked: Search, part: Sequence[Clause], count: int) -> Statement:
    after = asked.order.after(asked.after) if asked.after is not None else []
    tail = (asked.order.sql, f"LIMIT {count}")
    return select(asked.order.columns, "calls", [*asked.clauses, *part, *after], asked.project, *tail)


def _total(rows: Rows, asked: Search) -> int:
    ((total,),) = rows(select(["count()"], "calls", asked.clauses, asked.project))
    return int(total)


def _summaries(rows: Rows, project: str, places: Sequence[Place]) -> list[CallSummary]:
    if not places:
        return []
    # Times and ids apart may meet more rows than those places; the rest is left out below.
    times = sorted({text_of(micros_of(place.received_at)) for place in places})
    clauses = [
        Clause("received_at IN {times:Array(DateTime64(6, 'UTC'))}", {"times": times}),
        Clause("request_id IN {ids:Array(String)}", {"ids": sorted({p.request_id for p in places})}),
    ]
    found = rows(select([*_SUMMARY, *_PLACE], "calls", clauses, project))
    width = len(_SUMMARY)
    by_place = {tuple(row[width:]): row[:width] for row in found}
    return [_summary(by_place[place[1:]]) for place in places if place[1:] in by_place]


def _summary(row: Sequence[Any]) -> CallSummary:
    return CallSummary(**dict(zip(_SUMMARY, row, strict=True)))
