"""`/tokens`: tokens of projects, for scripts that read the query API."""

from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from tallygate.control.api.exchange import PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.records import ApiToken
from tallygate.control.specs import NewApiToken, ProjectId, Spec
from tallygate.control.store import tokens
from tallygate.schemas.model import Record


class TokenQuery(PageQuery):
    """Which tokens to list."""

    project: ProjectId | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^token_[0-9a-f]{32}$")] | None = None


class IssuedApiToken(Record):
    """A token and its secret: the only answer that holds it."""

    token: ApiToken
    secret: str


async def listed(request: web.Request) -> web.Response:
    """`GET /tokens`."""
    asked = query(request, TokenQuery)
    found = await reading(
        request,
        lambda session: tokens.listed(
            session, project=asked.project, before=asked.cursor, limit=asked.limit + 1
        ),
    )
    return answer(paged(found, asked.limit, lambda token: token.id))


async def create(request: web.Request) -> web.Response:
    """`POST /tokens`."""
    new = await body(request, NewApiToken)
    issued = await writing(request, lambda change: tokens.create(change, new))
    return answer(IssuedApiToken(token=issued.token, secret=issued.secret), status=201)


async def revoke(request: web.Request) -> web.Response:
    """`POST /tokens/{id}/revoke`."""
    token_id = request.match_info["id"]
    await body(request, Spec)
    return answer(await writing(request, lambda change: tokens.revoke(change, token_id)))


ROUTES = (
    web.get("/tokens", listed),
    web.post("/tokens", create),
    web.post(r"/tokens/{id:token_[0-9a-f]{32}}/revoke", revoke),
)
