"""`/admins` (tokens of this API) and `/audit` (who changed what)."""

from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from tallygate.control.access.needs import Need, needs
from tallygate.control.api.exchange import PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.records import AdminToken
from tallygate.control.specs import NewAdminToken, ProjectId, Spec
from tallygate.control.store import admins, audit
from tallygate.schemas.model import Record


class AdminQuery(PageQuery):
    """Which tokens to list."""

    cursor: Annotated[str, StringConstraints(pattern=r"^admin_[0-9a-f]{32}$")] | None = None


class AuditQuery(Spec):
    """Which entries to list."""

    project: ProjectId | None = None
    target: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[int, Field(ge=1, lt=2**63)] | None = None


class IssuedToken(Record):
    """A token and its secret: the only answer that holds it."""

    token: AdminToken
    secret: str


@needs(Need.INSTALLATION)
async def listed(request: web.Request) -> web.Response:
    """`GET /admins`."""
    asked = query(request, AdminQuery)
    found = await reading(
        request, lambda session: admins.listed(session, before=asked.cursor, limit=asked.limit + 1)
    )
    return answer(paged(found, asked.limit, lambda token: token.id))


@needs(Need.INSTALLATION)
async def create(request: web.Request) -> web.Response:
    """`POST /admins`."""
    new = await body(request, NewAdminToken)
    issued = await writing(request, lambda change: admins.create(change, new))
    return answer(IssuedToken(token=issued.token, secret=issued.secret), status=201)


@needs(Need.INSTALLATION)
async def revoke(request: web.Request) -> web.Response:
    """`POST /admins/{id}/revoke`."""
    token_id = request.match_info["id"]
    await body(request, Spec)
    return answer(await writing(request, lambda change: admins.revoke(change, token_id)))


async def audited(request: web.Request) -> web.Response:
    """`GET /audit`."""
    asked = query(request, AuditQuery)
    found = await reading(
        request,
        lambda session: audit.listed(
            session, project=asked.project, target=asked.target, before=asked.cursor, limit=asked.limit + 1
        ),
    )
    return answer(paged(found, asked.limit, lambda entry: entry.id))


ROUTES = (
    web.get("/admins", listed),
    web.post("/admins", create),
    web.post(r"/admins/{id:admin_[0-9a-f]{32}}/revoke", revoke),
    web.get("/audit", audited),
)
