"""The requests of the query API."""

from functools import partial

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tallygate.analytics.api.operation import json_answer, json_body, now_us, reading
from tallygate.analytics.errors import RequestError
from tallygate.analytics.keys import CALLS, CONSOLE, EXECUTOR, INFO, METRICS, project_of
from tallygate.analytics.models import Asker, CallPage, SqlQuery
from tallygate.analytics.requests.listing import list_calls
from tallygate.analytics.requests.query import SearchQuery, search_of
from tallygate.analytics.requests.search import read_page
from tallygate.analytics.requests.usage import report_of
from tallygate.analytics.sql.downloads import FILES
from tallygate.control.access.access import access_of
from tallygate.control.access.gate import DOOR
from tallygate.control.access.needs import Need, needs
from tallygate.runtime.clickhouse_errors import ClickHouseError


@needs(Need.VIEWER)
async def post_sql(request: web.Request) -> web.Response:
    """`POST /api/v1/sql`: one SELECT over the views of the project."""
    asked = await json_body(request, SqlQuery)
    query = (asked.query, asked.parameters, project_of(request))
    console, executor = request.app[CONSOLE], request.app[EXECUTOR]
    if asked.format == "json":
        return json_answer(await executor.run(partial(console.run, *query)))
    data = await executor.run(partial(console.download, *query, asked.format))
    headers = {"Content-Disposition": f'attachment; filename="tallygate-query.{asked.format}"'}
    return web.Response(body=data, content_type=FILES[asked.format]().content_type, headers=headers)


async def get_requests(request: web.Request) -> web.Response:
    """`GET /api/v1/requests`: calls, the latest first."""
    listing = list_calls(list(request.query.items()), project_of(request), now_us())
    page = await reading(request, lambda rows: read_page(rows, listing))
    return json_answer(CallPage(requests=page.requests, next_cursor=page.next_cursor))


@needs(Need.VIEWER)
async def post_search(request: web.Request) -> web.Response:
    """`POST /api/v1/requests/search`: a page of the calls that a filter tree means."""
    search = search_of(await json_body(request, SearchQuery), project_of(request), now_us())
    return json_answer(await reading(request, lambda rows: read_page(rows, search)))


async def get_request(request: web.Request) -> web.Response:
    """`GET /api/v1/requests/{id}`: one call with its bodies."""
    request_id = request.match_info["id"]
    work = partial(request.app[CALLS].one, request_id, project_of(request))
    call = await request.app[EXECUTOR].run(work)
    if call is None:
        raise RequestError(404, "not_found", "there is no call with this id")
    return json_answer(call)


async def get_usage(request: web.Request) -> web.Response:
    """`GET /api/v1/usage`: sums by dimension."""
    asked = report_of(list(request.query.items()), project_of(request))
    return json_answer(await request.app[EXECUTOR].run(partial(request.app[CALLS].usage, asked)))


@needs(Need.SIGNED_IN)
async def get_info(request: web.Request) -> web.Response:
    """`GET /api/v1/info`: what the pages need to know: about this installation, and about who asks."""
    access, door = access_of(request), request.app[DOOR]
    about = Asker(
        mode=door.mode,
        email=access.user.email if access.user else None,
        name=access.user.name if access.user else None,
        administrator=access.everywhere,
        project=access.project or None,
        projects=list(await door.projects(access)),
    )
    return json_answer(request.app[INFO].model_copy(update={"you": about}))


@needs(Need.NOTHING)
async def healthz(_request: web.Request) -> web.Response:
    """Alive."""
    return web.Response(text="ok\n")


@needs(Need.NOTHING)
async def readyz(request: web.Request) -> web.Response:
    """Able to answer: the tables can be read."""
    try:
        await request.app[EXECUTOR].run(request.app[CALLS].ping)
    except (ClickHouseError, RequestError) as error:
        return web.Response(status=503, text=f"not ready: {error}\n")
    return web.Response(text="ready\n")


@needs(Need.SIGNED_IN)
async def metrics(request: web.Request) -> web.Response:
    """Prometheus."""
    body = generate_latest(request.app[METRICS].registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
