"""`GET` and `POST /api/v1/requests/export`, and how far an export is."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from tallygate.analytics.api.operation import json_answer, json_body, now_us, reading
from tallygate.analytics.api.scope import parse_query, parse_scope
from tallygate.analytics.errors import RequestError
from tallygate.analytics.export.formats import Format, format_of
from tallygate.analytics.export.pages import Asked, Page, count, read_page
from tallygate.analytics.export.progress import Export
from tallygate.analytics.export.query import ExportQuery, FileQuery
from tallygate.analytics.keys import CALLS, EXECUTOR, EXPORTS, project_of
from tallygate.analytics.middlewares import SHIELD
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.order import Place
from tallygate.analytics.requests.query import clauses_of
from tallygate.control.access.needs import Need, needs
from tallygate.runtime.clickhouse_errors import ClickHouseError

log = logging.getLogger(__name__)


async def get_export(request: web.Request) -> web.StreamResponse:
    """The calls that plain filters mean, as a file."""
    pairs = list(request.query.items())
    file = parse_query(pairs, FileQuery, scoped=True)
    scope = parse_scope(pairs, project_of(request), now_us())
    return await _export(request, file, tuple(scope.within()))


@needs(Need.VIEWER)
async def post_export(request: web.Request) -> web.StreamResponse:
    """The calls that a filter tree means, as a file."""
    asked = await json_body(request, ExportQuery)
    return await _export(request, asked, clauses_of(asked, now_us()))


async def get_progress(request: web.Request) -> web.Response:
    """How far an export is."""
    export = request.app[EXPORTS].find(project_of(request), request.match_info["id"])
    if export is None:
        raise RequestError(404, "not_found", "no export of this id is known to this process")
    return json_answer(export.told())


async def _export(request: web.Request, file: FileQuery, clauses: tuple[Clause, ...]) -> web.StreamResponse:
    asked = Asked(project_of(request), clauses, file.order == "desc", file.bodies)
    with request.app[EXPORTS].running(asked.project, file.export_id) as export:
        export.rows_total = await reading(request, lambda rows: count(rows, asked))
        format_ = format_of(file.format, asked.columns)
        response = web.StreamResponse(headers=_headers(file, format_, export))
        await response.prepare(request)
        try:
            async for part in _parts(request, asked, format_, export):
                await response.write(part)
                export.bytes += len(part)
        except (ClickHouseError, RequestError) as error:
            # The head is sent: only a broken connection tells that the file is not whole.
            log.warning("an export broke off after %d rows: %s", export.rows, error)
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        export.state = "done"
        return response


async def _parts(request: web.Request, asked: Asked, format_: Format, export: Export) -> AsyncIterator[bytes]:
    """The file's bytes; each page is made in a thread."""
    calls, executor = request.app[CALLS], request.app[EXECUTOR]
    after: Place | None = None

    def step(after: Place | None) -> tuple[Page, bytes]:
        page = calls.read(lambda rows: read_page(rows, calls.raw, asked, format_.clickhouse, after))
        return page, format_.page(page.raw)

    while True:
        page, part = await executor.run(partial(step, after))
        export.rows += page.rows
        if part:
            yield part
        after = page.last
        if after is None:
            break
    if last := format_.end():
        yield last


def _headers(file: FileQuery, format_: Format, export: Export) -> dict[str, str]:
    name = f"tallygate-requests-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{file.format}"
    return SHIELD | {
        "Content-Type": format_.content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Tallygate-Export-Id": export.export_id,
        "Tallygate-Total-Rows": str(export.rows_total),
    }
