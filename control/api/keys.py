"""`/keys`: gateway keys."""

from datetime import UTC, datetime
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from tallygate.control.api.exchange import PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.records import Key
from tallygate.control.specs import KeyPatch, NewKey, ProjectId, Rotation, Spec
from tallygate.control.store import keys
from tallygate.schemas.model import Record

ONE = r"/keys/{id:key_[0-9a-f]{32}}"


class KeyQuery(PageQuery):
    """Which keys to list."""

    project: ProjectId | None = None
    state: keys.KeyState = "active"
    cursor: Annotated[str, StringConstraints(pattern=r"^key_[0-9a-f]{32}$")] | None = None


class IssuedKey(Record):
    """A key and its secret: the only answer that holds it."""

    key: Key
    secret: str


async def listed(request: web.Request) -> web.Response:
    """`GET /keys`."""
    asked = query(request, KeyQuery)
    found = await reading(
        request,
        lambda session: keys.listed(
            session,
            now=datetime.now(UTC),
            project=asked.project,
            state=asked.state,
            before=asked.cursor,
            limit=asked.limit + 1,
        ),
    )
    return answer(paged(found, asked.limit, lambda key: key.id))


async def create(request: web.Request) -> web.Response:
    """`POST /keys`."""
    new = await body(request, NewKey)
    issued = await writing(request, lambda change: keys.create(change, new))
    return answer(IssuedKey(key=issued.key, secret=issued.secret), status=201)


async def show(request: web.Request) -> web.Response:
    """`GET /keys/{id}`."""
    key_id = request.match_info["id"]
    return answer(await reading(request, lambda session: keys.show(session, key_id)))


async def patch(request: web.Request) -> web.Response:
    """`PATCH /keys/{id}`."""
    key_id, changes = request.match_info["id"], await body(request, KeyPatch)
    return answer(await writing(request, lambda change: keys.patch(change, key_id, changes)))


async def rotate(request: web.Request) -> web.Response:
    """`POST /keys/{id}/rotate`."""
    key_id, rotation = request.match_info["id"], await body(request, Rotation)
    issued = await writing(request, lambda change: keys.rotate(change, key_id, rotation))
    return answer(IssuedKey(key=issued.key, secret=issued.secret))


async def revoke(request: web.Request) -> web.Response:
    """`POST /keys/{id}/revoke`."""
    key_id = request.match_info["id"]
    await body(request, Spec)
    return answer(await writing(request, lambda change: keys.revoke(change, key_id)))


ROUTES = (
    web.get("/keys", listed),
    web.post("/keys", create),
    web.get(ONE, show),
    web.patch(ONE, patch),
    web.post(ONE + "/rotate", rotate),
    web.post(ONE + "/revoke", revoke),
)
