"""`/api/v1/sql/queries`: queries that were given a name, in the control store; each project has its own."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import Field, JsonValue, StringConstraints

from tallygate.analytics.api.operation import json_answer, json_body
from tallygate.analytics.errors import RequestError
from tallygate.analytics.keys import project_of
from tallygate.analytics.models import ApiModel
from tallygate.analytics.sql.text import MAX_CHARS
from tallygate.control.access.access import access_of
from tallygate.control.api.exchange import OPENED
from tallygate.control.store import saved_queries
from tallygate.control.store.database import ControlStore
from tallygate.control.store.tables import SavedQueryRow

T = TypeVar("T")


class NewSavedQuery(ApiModel):
    """A query to save; one that has the name already is replaced."""

    name: Annotated[
        str,
        StringConstraints(
            min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$"
        ),
    ]
    query: Annotated[str, Field(min_length=1, max_length=MAX_CHARS)]
    """Not run, and not looked at, until somebody runs it."""
    parameters: Annotated[dict[str, JsonValue], Field(max_length=100)] = {}


class SavedQuery(ApiModel):
    """A saved query."""

    id: str
    name: str
    query: str
    parameters: dict[str, Any]
    saved_by: str
    saved_at: datetime


class SavedQueries(ApiModel):
    """All of the project, by name."""

    queries: list[SavedQuery]


async def get_queries(request: web.Request) -> web.Response:
    """List them."""
    store, project = _store(request), project_of(request)

    def read() -> SavedQueries:
        with store().read(frozenset({project})) as session:
            return SavedQueries(queries=[_told(row) for row in saved_queries.listed(session, project)])

    return json_answer(await asyncio.to_thread(read))


async def put_query(request: web.Request) -> web.Response:
    """Save one."""
    new = await json_body(request, NewSavedQuery)
    project = project_of(request)

    def write(store: ControlStore, actor: str) -> SavedQuery:
        with store.write(actor, frozenset({project})) as change:
            return _told(saved_queries.put(change, project, new.name, new.query, new.parameters))

    return json_answer(await _writing(request, write))


async def delete_query(request: web.Request) -> web.Response:
    """Forget one."""
    project, query_id = project_of(request), request.match_info["id"]

    def write(store: ControlStore, actor: str) -> None:
        with store.write(actor, frozenset({project})) as change:
            saved_queries.remove(change, project, query_id)

    await _writing(request, write)
    return web.Response(status=204)


async def _writing(request: web.Request, work: Callable[[ControlStore, str], T]) -> T:
    store, actor = _store(request), access_of(request).actor
    return await asyncio.to_thread(lambda: work(store(), actor))


def _store(request: web.Request) -> Callable[[], ControlStore]:
    store = request.app.get(OPENED)
    if store is None:
        raise RequestError(503, "store_unavailable", "this process has no control store")
    return store


def _told(row: SavedQueryRow) -> SavedQuery:
    return SavedQuery(
        id=row.id,
        name=row.name,
        query=row.query,
        parameters=row.parameters,
        saved_by=row.saved_by,
        saved_at=row.saved_at,
    )
