"""`GET /api/v1/sql/schema`: what the SQL console can ask: views, their columns and what each means."""

from aiohttp import web

from tallygate.analytics.keys import CALLS, EXECUTOR
from tallygate.analytics.models import ApiModel
from tallygate.analytics.sql.views import VIEWS


class ViewColumn(ApiModel):
    """A column, with its ClickHouse type."""

    name: str
    type: str
    comment: str


class View(ApiModel):
    """A view."""

    name: str
    columns: list[ViewColumn]


class Schema(ApiModel):
    """All views, in the order of their documentation."""

    data: list[View]
    next: str | None = None


async def get_schema(request: web.Request) -> web.Response:
    """The same for every project: it tells of no rows."""
    rows = await request.app[EXECUTOR].run(request.app[CALLS].columns_of_views)
    views: dict[str, list[ViewColumn]] = {view: [] for view in VIEWS}
    for table, name, kind, comment in rows:
        views.setdefault(table, []).append(ViewColumn(name=name, type=kind, comment=comment))
    schema = Schema(data=[View(name=name, columns=columns) for name, columns in views.items()])
    return web.Response(body=schema.model_dump_json().encode(), content_type="application/json")
