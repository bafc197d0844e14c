"""Signing in, in tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tallygate.control.access.access import access_of
from tallygate.control.access.cookies import Cookies
from tallygate.control.access.gate import gate
from tallygate.control.access.mount import door_for, mount_sign_in
from tallygate.control.access.passwords import hashed
from tallygate.control.access.signed_in import SignedInDoor
from tallygate.control.api.app import PREFIX as ADMIN
from tallygate.control.api.app import build_admin
from tallygate.control.records import User
from tallygate.control.roles import Role
from tallygate.control.specs import Grant, NewAdminToken, NewApiToken, NewProject, NewUser
from tallygate.control.store import admins, projects, tokens, users
from tallygate.control.store.database import ControlStore
from tallygate.control.store.sessions import Lifetime
from tallygate.runtime.config import Settings

PUBLIC = "https://tallygate.example"
OWN_PAGE = {"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}
"""What a browser says of what one of our pages asks."""
PASSWORD = "correct horse battery"
LIFETIME = Lifetime(idle=timedelta(hours=1), longest=timedelta(days=1))


def signed_in_door(store: ControlStore) -> SignedInDoor:
    """The door of an installation behind a proxy that speaks https."""
    return SignedInDoor(lambda: store, "password", Cookies(secure=True), LIFETIME, PUBLIC)


def with_projects(store: ControlStore, *ids: str) -> None:
    """Make projects."""
    with store.write("test") as change:
        for project in ids:
            projects.create(change, NewProject(id=project))


def with_user(
    store: ControlStore,
    email: str = "ann@example.com",
    roles: Mapping[str, str] | None = None,
    *,
    admin: bool = False,
    password: str | None = PASSWORD,
) -> User:
    """Make a user with roles by project."""
    kept = None if password is None else hashed(password)
    with store.write("test") as change:
        user = users.add(change, NewUser(email=email, admin=admin), password=kept)
        for project, role in (roles or {}).items():
            users.grant(change, Grant(email=email, project=project, role=Role(role)))
    return user


def with_token(store: ControlStore, project: str, role: str = "viewer", **given: Any) -> str:
    """The secret of a new token of a project."""
    new = NewApiToken(project=project, name="a script", role=Role(role), **given)
    with store.write("test") as change:
        return tokens.create(change, new).secret


def with_admin_token(store: ControlStore) -> str:
    """The secret of a new token of the installation."""
    with store.write("test") as change:
        return admins.create(change, NewAdminToken(name="ci")).secret


def bearer(secret: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {secret}"}


Client = TestClient[web.Request, web.Application]


async def echo(request: web.Request) -> web.Response:
    """What a handler gets to see."""
    access = access_of(request)
    return web.json_response(
        {"actor": access.actor, "project": access.project, "query": list(request.query.items())}
    )


@asynccontextmanager
async def running_site(store: ControlStore, settings: Settings) -> AsyncIterator[Client]:
    """What is served but for the query API, whose place `/echo` takes."""
    door = door_for(settings, lambda: store)
    app = web.Application(middlewares=[gate(door)])
    app.router.add_get("/echo", echo)
    app.router.add_post("/echo", echo)
    app.add_subapp(ADMIN, build_admin(lambda: store))
    mount_sign_in(app, settings, door)
    async with TestClient(TestServer(app)) as client:
        yield client


def own_page(client: Client) -> dict[str, str]:
    """What a browser says of what a page of this site asks."""
    return {"Origin": str(client.make_url("")).rstrip("/")}


async def sign_in(
    client: Client, email: str = "ann@example.com", password: str = PASSWORD, status: int = 200
) -> Any:
    """Sign a browser in, which keeps its cookie; fails on another status."""
    given = {"email": email, "password": password}
    async with client.post("/api/v1/auth/sign-in", json=given, headers=own_page(client)) as response:
        assert response.status == status, await response.text()
        return await response.json()
