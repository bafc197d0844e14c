"""`/aliases`: names for lists of models."""

from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from tallygate.control.api.exchange import PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.specs import AliasName, NewAlias, ProjectId, Spec
from tallygate.control.store import aliases


class AliasQuery(PageQuery):
    """Which aliases to list; with a project, its own and the shared ones."""

    project: ProjectId | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^alias_[0-9a-f]{32}$")] | None = None


class OneAlias(Spec):
    """Which alias to remove; without project, the shared one."""

    name: AliasName
    project: ProjectId | None = None


async def listed(request: web.Request) -> web.Response:
    """`GET /aliases`."""
    asked = query(request, AliasQuery)
    found = await reading(
        request,
        lambda session: aliases.listed(
            session, project=asked.project, before=asked.cursor, limit=asked.limit + 1
        ),
    )
    return answer(paged(found, asked.limit, lambda alias: alias.id))


async def put(request: web.Request) -> web.Response:
    """`PUT /aliases`."""
    new = await body(request, NewAlias)
    return answer(await writing(request, lambda change: aliases.put(change, new)))


async def remove(request: web.Request) -> web.Response:
    """`DELETE /aliases?name=…&project=…`."""
    asked = query(request, OneAlias)
    await writing(request, lambda change: aliases.remove(change, asked.project, asked.name))
    return web.Response(status=204)


ROUTES = (
    web.get("/aliases", listed),
    web.put("/aliases", put),
    web.delete("/aliases", remove),
)
