"""`/credentials`: provider credentials. What they hold goes in and never comes out."""

from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from tallygate.control.api.exchange import PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.specs import CredentialPatch, NewCredential, ProjectId, ProviderName
from tallygate.control.store import credentials

ONE = r"/credentials/{id:cred_[0-9a-f]{32}}"


class CredentialQuery(PageQuery):
    """Which credentials to list; with a project, its own and the shared ones."""

    project: ProjectId | None = None
    provider: ProviderName | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^cred_[0-9a-f]{32}$")] | None = None


async def listed(request: web.Request) -> web.Response:
    """`GET /credentials`."""
    asked = query(request, CredentialQuery)
    found = await reading(
        request,
        lambda session: credentials.listed(
            session,
            project=asked.project,
            provider=asked.provider,
            before=asked.cursor,
            limit=asked.limit + 1,
        ),
    )
    return answer(paged(found, asked.limit, lambda credential: credential.id))


async def create(request: web.Request) -> web.Response:
    """`POST /credentials`."""
    new = await body(request, NewCredential)
    return answer(await writing(request, lambda change: credentials.create(change, new)), status=201)


async def show(request: web.Request) -> web.Response:
    """`GET /credentials/{id}`."""
    credential_id = request.match_info["id"]
    return answer(await reading(request, lambda session: credentials.show(session, credential_id)))


async def patch(request: web.Request) -> web.Response:
    """`PATCH /credentials/{id}`."""
    credential_id, changes = request.match_info["id"], await body(request, CredentialPatch)
    return answer(await writing(request, lambda change: credentials.patch(change, credential_id, changes)))


async def remove(request: web.Request) -> web.Response:
    """`DELETE /credentials/{id}`."""
    credential_id = request.match_info["id"]
    await writing(request, lambda change: credentials.remove(change, credential_id))
    return web.Response(status=204)


ROUTES = (
    web.get("/credentials", listed),
    web.post("/credentials", create),
    web.get(ONE, show),
    web.patch(ONE, patch),
    web.delete(ONE, remove),
)
