"""The body of `POST /api/v1/requests/search`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from tallygate.analytics.api.scope import period
from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.models import ApiModel
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.filters import Filters, time_clauses
from tallygate.analytics.requests.listing import DEFAULT_LIMIT, MAX_LIMIT, parse_cursor
from tallygate.analytics.requests.order import Order, SortField
from tallygate.analytics.requests.search import Search
from tallygate.analytics.requests.where import where
from tallygate.schemas.filters import Filter
from tallygate.schemas.times import parse_time_us


def _time(text: str) -> str:
    parse_time_us(text)
    return text


Time = Annotated[
    str,
    AfterValidator(_time),
    Field(
        max_length=64,
        description="ISO 8601 (UTC if it names no zone), or an epoch number in seconds, milliseconds or "
        "microseconds, as text.",
        examples=["2026-11-06T21:20:00Z"],
    ),
]


class Meant(ApiModel):
    """Which calls are meant."""

    filter: Filter | None = None
    """Without: all of the period."""
    from_: Annotated[Time | None, Field(alias="from")] = None
    """Default: 30 days before `to`."""
    to: Time | None = None
    """Excluded. Default: the end of this hour."""


class Sort(ApiModel):
    """An order. What is not known (a cost, a first byte) counts as less than anything."""

    by: SortField = "received_at"
    order: Annotated[str, Field(pattern="^(asc|desc)$")] = "desc"


class SearchQuery(Meant):
    """A page of calls."""

    sort: Sort = Sort()
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str | None, Field(max_length=2048)] = None
    """The `next_cursor` of the page before; with the same filter, period and order."""
    count: bool = False
    """Whether to count all calls that are meant, too."""


def clauses_of(meant: Meant, now_us: int) -> tuple[Clause, ...]:
    """Filter and period.

    Raises:
        RequestError: the period ends before it begins.
    """
    times = time_clauses(Filters((), *_period_of(meant, now_us)))
    return (*times, *([where(meant.filter)] if meant.filter is not None else []))


def search_of(asked: SearchQuery, project: str, now_us: int) -> Search:
    """The page that a body asks for."""
    order = Order(asked.sort.by, asked.sort.order == "desc")
    after = parse_cursor(asked.cursor, order) if asked.cursor is not None else None
    since_us, to_us = _period_of(asked, now_us)
    return Search(
        project,
        clauses_of(asked, now_us),
        order,
        asked.limit,
        after,
        asked.count,
        newest_us=min(to_us, now_us),
        since_us=since_us,
    )


def _period_of(meant: Meant, now_us: int) -> tuple[int, int]:
    from_us = None if meant.from_ is None else parse_time_us(meant.from_)
    to_us = None if meant.to is None else parse_time_us(meant.to)
    if from_us is not None and to_us is not None and from_us > to_us:
        raise bad_parameter("from", "is later than `to`")
    return period(from_us, to_us, now_us)
