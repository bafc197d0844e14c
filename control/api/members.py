"""`/users` (who may sign in) and `/members` (who has which role in a project)."""

from aiohttp import web

from tallygate.control.access.needs import Need, needs
from tallygate.control.api.exchange import Page, PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.records import Membership
from tallygate.control.specs import Email, Grant, NewUser, OneEmail, ProjectId, Spec
from tallygate.control.store import users


class UserQuery(PageQuery):
    """Which users to list; the cursor is an address."""

    cursor: Email | None = None


class MemberQuery(Spec):
    """Whose members to list."""

    project: ProjectId | None = None


class OneMember(Spec):
    """Whose role to take, and where."""

    email: Email
    project: ProjectId


MOST_MEMBERS = 1000


@needs(Need.INSTALLATION)
async def listed(request: web.Request) -> web.Response:
    """`GET /users`."""
    asked = query(request, UserQuery)
    found = await reading(
        request, lambda session: users.listed(session, after=asked.cursor, limit=asked.limit + 1)
    )
    return answer(paged(found, asked.limit, lambda user: user.email))


@needs(Need.INSTALLATION)
async def add(request: web.Request) -> web.Response:
    """`POST /users`: without a password, for who signs in at the identity provider."""
    new = await body(request, NewUser)
    return answer(await writing(request, lambda change: users.add(change, new)), status=201)


@needs(Need.INSTALLATION)
async def remove(request: web.Request) -> web.Response:
    """`DELETE /users?email=…`."""
    asked = query(request, OneEmail)
    await writing(request, lambda change: users.remove(change, asked.email))
    return web.Response(status=204)


async def members(request: web.Request) -> web.Response:
    """`GET /members?project=…`."""
    asked = query(request, MemberQuery)
    found = await reading(
        request, lambda session: users.members(session, project=asked.project, limit=MOST_MEMBERS)
    )
    return answer(Page[Membership](data=tuple(found)))


async def grant(request: web.Request) -> web.Response:
    """`PUT /members`."""
    given = await body(request, Grant)
    return answer(await writing(request, lambda change: users.grant(change, given)))


async def withdraw(request: web.Request) -> web.Response:
    """`DELETE /members?email=…&project=…`."""
    asked = query(request, OneMember)
    await writing(request, lambda change: users.withdraw(change, asked.email, asked.project))
    return web.Response(status=204)


ROUTES = (
    web.get("/users", listed),
    web.post("/users", add),
    web.delete("/users", remove),
    web.get("/members", members),
    web.put("/members", grant),
    web.delete("/members", withdraw),
)
