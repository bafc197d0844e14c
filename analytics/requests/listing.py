"""What the query string of `GET /api/v1/requests` asks for."""

from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.requests.filters import Pairs, is_filter, parse_filters, time_clauses
from tallygate.analytics.requests.order import Order, Place
from tallygate.analytics.requests.search import Search

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


def list_calls(pairs: Pairs, project: str, now_us: int) -> Search:
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
    newest_us = now_us if filters.to_us is None else min(filters.to_us, now_us)
    after = _after(pairs, order)
    return Search(project, clauses, order, limit, after, newest_us=newest_us, since_us=filters.from_us or 0)


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
