"""What the query string of `GET /api/v1/requests` asks for, and one call in full."""

from collections.abc import Mapping, Sequence
from typing import Any

from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.models import AttemptDetail, CallDetail
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.filters import Pairs, is_filter, parse_filters, time_clauses
from tallygate.analytics.requests.order import Order, Place
from tallygate.analytics.requests.search import Search
from tallygate.analytics.requests.statement import Statement, select
from tallygate.schemas.times import text_of

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
_ATTEMPT_FIELDS = tuple(AttemptDetail.model_fields)
_DETAIL = tuple(name for name in CallDetail.model_fields if name != "attempts")
_ORDER = "ORDER BY received_at DESC, request_id DESC, origin_edge DESC, origin_seq DESC"


def list_calls(pairs: Pairs, project: str) -> Search:
    """Read a query string.

    Raises:
        RequestError: 400 that names the parameter.
    """
    for name, _value in pairs:
        if not is_filter(name) and name not in {"limit", "cursor"}:
            raise bad_parameter(name, "is not a parameter of this request")
    filters = parse_filters(pairs)
    limit = parse_limit(pairs, DEFAULT_LIMIT, MAX_LIMIT)
    order = Order()
    clauses = (*filters.clauses, *time_clauses(filters))
    return Search(project, clauses, order, limit, _after(pairs, order))


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


def _after(pairs: Pairs, order: Order) -> Place | None:
    values = [value for name, value in pairs if name == "cursor"]
    return parse_cursor(values[-1], order) if values else None


def parse_cursor(text: str, order: Order) -> Place:
    """The place that a cursor names.

    Raises:
        RequestError: 400.
    """
    try:
        return order.place(text)
    except ValueError as error:
        raise bad_parameter("cursor", str(error)) from error
