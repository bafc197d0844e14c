"""What holds for every request: how errors look, what is counted. Who may ask is the gate's to say."""

import logging
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from tallygate.analytics.errors import RequestError
from tallygate.analytics.keys import METRICS
from tallygate.analytics.sql.errors import QueryError
from tallygate.control.api.errors import told
from tallygate.control.errors import ControlError
from tallygate.runtime.clickhouse_errors import ClickHouseError, UnavailableError

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
SHIELD = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@web.middleware
async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request and its time."""
    metrics = request.app[METRICS]
    begin = time.monotonic()
    response = await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "other"
    metrics.requests.labels(route, str(response.status)).inc()
    metrics.seconds.labels(route).observe(time.monotonic() - begin)
    return response


@web.middleware
async def shielded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every answer the headers that keep a browser from doing harm with it."""
    response = await handler(request)
    for name, value in SHIELD.items():
        response.headers.setdefault(name, value)
    return response


@web.middleware
async def explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error in one shape."""
    try:
        return await handler(request)
    except RequestError as error:
        return _answer(error)
    except QueryError as error:
        return _answer(RequestError(400, error.code, error.message, position=error.position))
    except UnavailableError as error:
        log.warning("ClickHouse is not available: %s", error)
        answer = _answer(RequestError(503, "store_unavailable", "the store can't be reached; try again soon"))
        answer.headers["Retry-After"] = "2"
        return answer
    except ClickHouseError:
        log.exception("%s %s: ClickHouse refused a query of ours", request.method, request.path)
        return _answer(RequestError(500, "internal_error", "the query failed; see the log of the API"))
    except ControlError as error:
        return told(error)
    except web.HTTPException as error:
        code = _HTTP_CODES.get(error.status, "http_error")
        answer = _answer(RequestError(error.status, code, error.reason))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer


def _answer(error: RequestError) -> web.Response:
    body = error.body.model_dump_json(exclude_none=True)
    return web.Response(status=error.status, text=body, content_type="application/json")
