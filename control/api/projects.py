"""`/projects`."""

from aiohttp import web

from tallygate.control.access.needs import Need, needs
from tallygate.control.api.exchange import PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.specs import NewProject, ProjectId, ProjectPatch
from tallygate.control.store import projects

ONE = "/projects/{project:[a-z0-9_-]{1,63}}"


class ProjectQuery(PageQuery):
    """Which projects to list."""

    cursor: ProjectId | None = None


async def listed(request: web.Request) -> web.Response:
    """`GET /projects`."""
    asked = query(request, ProjectQuery)
    found = await reading(
        request, lambda session: projects.listed(session, after=asked.cursor, limit=asked.limit + 1)
    )
    return answer(paged(found, asked.limit, lambda project: project.id))


@needs(Need.INSTALLATION)
async def create(request: web.Request) -> web.Response:
    """`POST /projects`."""
    new = await body(request, NewProject)
    return answer(await writing(request, lambda change: projects.create(change, new)), status=201)


async def show(request: web.Request) -> web.Response:
    """`GET /projects/{project}`."""
    project = request.match_info["project"]
    return answer(await reading(request, lambda session: projects.show(session, project)))


async def patch(request: web.Request) -> web.Response:
    """`PATCH /projects/{project}`."""
    project, changes = request.match_info["project"], await body(request, ProjectPatch)
    return answer(await writing(request, lambda change: projects.patch(change, project, changes)))


ROUTES = (
    web.get("/projects", listed),
    web.post("/projects", create),
    web.get(ONE, show),
    web.patch(ONE, patch),
)
