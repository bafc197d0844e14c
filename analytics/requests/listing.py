"""`GET /api/v1/requests`: its SQL, and its rows as models."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.models import AttemptDetail, CallDetail, CallFields, CallPage, CallSummary
from tallygate.analytics.requests.clause import Clause, values_of
from tallygate.analytics.requests.cursor import Cursor, decode, encode
from tallygate.analytics.requests.filters import Pairs, is_filter, parse_filters, time_clauses
from tallygate.schemas.times import text_of

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
_FIELDS = tuple(CallFields.model_fields)
_SENT_PROPERTIES = "mapFromArrays(arrayMap(n -> toString(n), property_names), mapValues(properties))"
"""Properties under their names as sent; the view has them in lower case."""
_PLACE = ("toUnixTimestamp64Micro(received_at)", "origin_edge", "origin_seq")
_SUMMARY = (*_FIELDS, "attempts", *_PLACE)
_ATTEMPT_FIELDS = tuple(AttemptDetail.model_fields)
_DETAIL = tuple(name for name in CallDetail.model_fields if name != "attempts")
_ORDER = "ORDER BY received_at DESC, request_id DESC, origin_edge DESC, origin_seq DESC"


class Statement(NamedTuple):
    """SQL and the values of its parameters."""

    sql: str
    values: dict[str, Any]


class Listing(NamedTuple):
    """A page that was asked for.

    It is read in two steps: `oldest` finds the time of the page's last row from a few columns, and `since`
    reads whole rows from that time on. At once, ClickHouse would read whole rows of every part.
    """

    oldest: Statement
    limit: int
    clauses: tuple[Clause, ...]
    project: str

    def since(self, time: datetime) -> Statement:
        """The page's rows, none of which is older than that."""
        bound = Clause(
            "received_at >= {oldest:DateTime64(6, 'UTC')}", {"oldest": f"{time:%Y-%m-%d %H:%M:%S.%f}"}
        )
        return select(
            _SUMMARY, "calls", [bound, *self.clauses], self.project, _ORDER, f"LIMIT {self.limit + 1}"
        )


def list_calls(pairs: Pairs, project: str) -> Listing:
    """Read a query string.

    Raises:
        RequestError: 400 that names the parameter.
    """
    for name, _value in pairs:
        if not is_filter(name) and name not in {"limit", "cursor"}:
            raise bad_parameter(name, "is not a parameter of this request")
    filters = parse_filters(pairs)
    limit = parse_limit(pairs, DEFAULT_LIMIT, MAX_LIMIT)
    clauses = [*filters.clauses, *time_clauses(filters), *_after(pairs)]
    # One row more than asked for: it tells whether there is a next page.
    tail = f"ORDER BY received_at DESC LIMIT {limit + 1}"
    latest = select(["received_at"], "calls", clauses, project, tail)
    oldest = " ".join(("SELECT count(), min(received_at) FROM (", latest.sql, ")"))
    return Listing(Statement(oldest, latest.values), limit, tuple(clauses), project)


def page(rows: Sequence[Sequence[Any]], limit: int) -> CallPage:
    """Rows of the listing's statement as a page."""
    width = len(_FIELDS) + 1
    names = (*_FIELDS, "attempts")
    calls = [CallSummary(**dict(zip(names, row[:width], strict=True))) for row in rows[:limit]]
    if len(rows) <= limit:
        return CallPage(requests=calls, next_cursor=None)
    received_at_us, edge, seq = rows[limit - 1][width:]
    cursor = Cursor(received_at_us, calls[-1].request_id, edge, seq)
    return CallPage(requests=calls, next_cursor=encode(cursor))


def one_call(request_id: str, project: str, near_us: int | None) -> Statement:
    """The latest call of an id; with `near_us` only if it arrived about then, which is found much faster."""
    clauses = [Clause("request_id = {request_id:String}", {"request_id": request_id})]
    if near_us is not None:
        near = "received_at BETWEEN {near:DateTime64(6, 'UTC')} - INTERVAL 1 HOUR"
        near += " AND {near:DateTime64(6, 'UTC')} + INTERVAL 1 HOUR"
        clauses.append(Clause(near, {"near": text_of(near_us)}))
    return select((*_DETAIL, "origin_edge", "origin_seq"), "calls", clauses, project, _ORDER, "LIMIT 1")


def attempts_of(call: Mapping[str, Any], project: str) -> Statement:
    """The tries of a call that `one_call` found."""
    clauses = [
        Clause(
            "received_at = {at:DateTime64(6, 'UTC')}", {"at": f"{call['received_at']:%Y-%m-%d %H:%M:%S.%f}"}
        ),
        Clause("request_id = {request_id:String}", {"request_id": call["request_id"]}),
    ]
    return select(_ATTEMPT_FIELDS, "attempts", clauses, project, "ORDER BY attempt")


def call_fields(row: Sequence[Any]) -> dict[str, Any]:
    """A row of `one_call` by name."""
    return dict(zip((*_DETAIL, "origin_edge", "origin_seq"), row, strict=True))


def detail(fields: Mapping[str, Any], attempts: Sequence[Sequence[Any]]) -> CallDetail:
    """A call, with the rows of `attempts_of`."""
    own = {name: fields[name] for name in _DETAIL}
    tries = [AttemptDetail(**dict(zip(_ATTEMPT_FIELDS, row, strict=True))) for row in attempts]
    return CallDetail(**own, attempts=tries)


def parse_limit(pairs: Pairs, default: int, highest: int) -> int:
    """The parameter `limit`."""
    values = [value for name, value in pairs if name == "limit"]
    if not values:
        return default
    text = values[-1]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= highest):
        raise bad_parameter("limit", f"is not a number from 1 to {highest}")
    return int(text)


def select(
    columns: Sequence[str], source: str, clauses: Sequence[Clause], project: str, *tail: str
) -> Statement:
    """A SELECT over one view, of one project."""
    where = ["project = {project:String}", *(clause.sql for clause in clauses)]
    chosen = [_SENT_PROPERTIES if column == "properties" else column for column in columns]
    parts = ["SELECT", ", ".join(chosen), "FROM", source, "WHERE", " AND ".join(where), *tail]
    return Statement(" ".join(parts), values_of(clauses) | {"project": project})


def _after(pairs: Pairs) -> list[Clause]:
    values = [value for name, value in pairs if name == "cursor"]
    if not values:
        return []
    try:
        cursor = decode(values[-1])
    except ValueError as error:
        raise bad_parameter("cursor", str(error)) from error
    at = "{c_at:DateTime64(6, 'UTC')}"
    place = f"({at}, {{c_id:String}}, {{c_edge:String}}, {{c_seq:UInt64}})"
    sent = {
        "c_at": text_of(cursor.received_at_us),
        "c_id": cursor.request_id,
        "c_edge": cursor.origin_edge,
        "c_seq": cursor.origin_seq,
    }
    # The first condition is implied by the second; it is what the primary key is searched by.
    return [
        Clause(f"received_at <= {at}", {}),
        Clause(f"(received_at, request_id, origin_edge, origin_seq) < {place}", sent),
    ]
