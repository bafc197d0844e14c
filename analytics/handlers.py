"""The requests of the query API."""

from functools import partial

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ValidationError

from tallygate.analytics.errors import RequestError
from tallygate.analytics.keys import CALLS, CONSOLE, EXECUTOR, INFO, METRICS, project_of
from tallygate.analytics.models import SqlQuery
from tallygate.analytics.requests.listing import list_calls
from tallygate.analytics.requests.usage import report_of
from tallygate.runtime.clickhouse_errors import ClickHouseError

MAX_ID_CHARS = 256


async def post_sql(request: web.Request) -> web.Response:
    """`POST /api/v1/sql`: one SELECT over the views of the project."""
    if request.content_type != "application/json":
        # A form of another site can be sent without asking; JSON can't.
        raise RequestError(415, "invalid_request", "send JSON, with Content-Type: application/json")
    try:
        asked = SqlQuery.model_validate_json(await request.read())
    except ValidationError as error:
        raise _invalid(error) from error
    work = partial(request.app[CONSOLE].run, asked.query, asked.parameters, project_of(request))
    result = await request.app[EXECUTOR].run(work)
    return _json(result)


async def get_requests(request: web.Request) -> web.Response:
    """`GET /api/v1/requests`: calls, the latest first."""
    listing = list_calls(list(request.query.items()), project_of(request))
    return _json(await request.app[EXECUTOR].run(partial(request.app[CALLS].page, listing)))


async def get_request(request: web.Request) -> web.Response:
    """`GET /api/v1/requests/{id}`: one call with its bodies."""
    request_id = request.match_info["id"]
    if len(request_id) > MAX_ID_CHARS:
        raise RequestError(404, "not_found", "there is no call with this id")
    work = partial(request.app[CALLS].one, request_id, project_of(request))
    call = await request.app[EXECUTOR].run(work)
    if call is None:
        raise RequestError(404, "not_found", "there is no call with this id")
    return _json(call)


async def get_usage(request: web.Request) -> web.Response:
    """`GET /api/v1/usage`: sums by dimension."""
    asked = report_of(list(request.query.items()), project_of(request))
    return _json(await request.app[EXECUTOR].run(partial(request.app[CALLS].usage, asked)))


async def get_info(request: web.Request) -> web.Response:
    """`GET /api/v1/info`: what the pages need to know."""
    return _json(request.app[INFO])


async def healthz(_request: web.Request) -> web.Response:
    """Alive."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """Able to answer: the tables can be read."""
    try:
        await request.app[EXECUTOR].run(request.app[CALLS].ping)
    except (ClickHouseError, RequestError) as error:
        return web.Response(status=503, text=f"not ready: {error}\n")
    return web.Response(text="ready\n")


async def metrics(request: web.Request) -> web.Response:
    """Prometheus."""
    body = generate_latest(request.app[METRICS].registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(model: BaseModel) -> web.Response:
    return web.Response(body=model.model_dump_json().encode(), content_type="application/json")


def _invalid(error: ValidationError) -> RequestError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    message = f"{field}: {first['msg']}" if field else first["msg"]
    return RequestError(400, "invalid_request", message, param=field or None)
