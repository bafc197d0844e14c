"""Every route of the application, asked by whom it is not for: a new one too, without being named here."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tallygate.control.access.needs import READING, Need, need_of
from tallygate.control.deliveries import StoredDeliveries
from tallygate.control.later import LaterStore
from tallygate.control.open import open_store
from tallygate.control.specs import NewAlias
from tallygate.control.store import aliases
from tallygate.control.store.database import ControlStore
from tallygate.infra.api import application
from tallygate.runtime.clickhouse import EmbeddedTarget, Target
from tallygate.runtime.config import AuthConfig
from tallygate.schemas.deliveries import delivery_id
from tests.stream_processors.notify.alerts import outgoing
from tests.support.access import PUBLIC, bearer, with_projects, with_token, with_user
from tests.support.api import stored
from tests.support.control import add_channel, issue, keep, settings_for
from tests.support.factories import call

HEAD = "no body"
"""Instead of the code of an error."""
Client = TestClient[web.Request, web.Application]
CANARY = "canary-of-theirs"
OPEN = {
    "/healthz",
    "/readyz",
    "/favicon.svg",
    "/api/v1/auth/methods",
    "/api/v1/auth/sign-in",
    "/api/v1/auth/sign-out",
}
"""All that is answered to anybody, besides the page and its files."""

BODIES: dict[str, dict[str, object]] = {
    "/api/v1/sql": {"query": "SELECT * FROM calls"},
    "/api/v1/admin/keys": {"project": "theirs", "name": "x"},
    "/api/v1/admin/credentials": {"project": "theirs", "provider": "openai"},
    "/api/v1/admin/aliases": {"project": "theirs", "name": "x", "models": ["m"]},
    "/api/v1/admin/tokens": {"project": "theirs", "name": "x"},
    "/api/v1/admin/members": {"project": "theirs", "email": f"{CANARY}@example.com", "role": "viewer"},
    "/api/v1/admin/projects/{project}": {"name": "x"},
}
"""What would be done with it, where an empty body says nothing."""


class Route(NamedTuple):
    """A method of a path, as the application's router has it."""

    method: str
    path: str
    need: Need

    @property
    def is_page(self) -> bool:
        return not self.path.startswith("/api/") and self.path not in {*OPEN, "/metrics"}


def routes_of(app: web.Application) -> list[Route]:
    """All of them, also below sub-applications."""
    found = []
    for resource in app.router.resources():
        inner = getattr(resource, "_app", None)
        routes = list(inner.router.routes()) if inner is not None else list(resource)
        for route in routes:
            assert route.resource is not None
            found.append(Route(route.method, route.resource.canonical, need_of(route.method, route.handler)))
    return found


def a_site(folder: Path, target: Target) -> tuple[web.Application, LaterStore]:
    """The whole application, whose users sign in."""
    settings = settings_for(folder, auth=AuthConfig(mode="password", public_url=PUBLIC))
    store = LaterStore(lambda: open_store(settings))
    return application(settings, target, store), store


ROUTES = routes_of(a_site(Path("/nowhere"), EmbeddedTarget(Path("/nowhere/chdb")))[0])


class Site(NamedTuple):
    """A running application with calls and settings of two projects, and who may do what there."""

    client: Client
    store: ControlStore
    ids: dict[str, str]
    tokens: dict[str, dict[str, str]]
    """Headers of `viewer`, `member` and `admin` of project `mine`."""

    def path(self, route: Route) -> str:
        """The route's path with everything in it of project `theirs`."""

        def filled(match: re.Match[str]) -> str:
            if match[1] == "id" and route.path.startswith("/api/v1/admin/"):
                return self.ids[route.path.split("/")[4]]
            return self.ids.get(match[1], CANARY)

        return re.sub(r"\{(\w+)[^}]*\}", filled, route.path)


@pytest.fixture(scope="module")
def target() -> Target:
    """Calls of two projects; those of `theirs` have the canary in everything that a caller can say."""
    labels = {"user_id": CANARY, "session_id": CANARY, "session_name": CANARY, "session_path": f"/{CANARY}"}
    theirs = call(
        request_id=CANARY,
        project="theirs",
        prompt=CANARY,
        response=CANARY,
        model=CANARY,
        provider=CANARY,
        properties={CANARY: CANARY, "Workflow": CANARY},
        **labels,
    )
    return stored([theirs, call(request_id="mine", project="mine")])


@pytest.fixture
async def site(tmp_path: Path, target: Target) -> AsyncIterator[Site]:
    """One such application."""
    app, later = a_site(tmp_path, target)
    async with TestClient(TestServer(app)) as client:
        store = later.opened()
        with_projects(store, "mine", "theirs")
        with_user(store, f"{CANARY}@example.com", {"theirs": "admin"}, password=None)
        with store.write("test") as change:
            aliases.put(change, NewAlias(project="theirs", name=CANARY, models=(CANARY,)))
        channel = add_channel(store, project="theirs", name=CANARY).channel.channel_id
        event = outgoing(project="theirs", name=CANARY)
        assert StoredDeliveries(store, max_waiting_calls=1).add([event]).new == 1
        ids = {
            "deliveries": delivery_id(event.event_id, channel, event.at_us),
            "keys": issue(store, project="theirs", name=CANARY).key.id,
            "credentials": keep(store, project="theirs", name=CANARY).id,
            "tokens": "token_" + "0" * 32,
            "admins": "admin_" + "0" * 32,
            "rules": "rule_" + "0" * 32,
            "channels": channel,
            "hooks": "hook_" + "0" * 32,
            "prices": "price_" + "0" * 32,
            "project": "theirs",
        }
        roles = ("viewer", "member", "admin")
        tokens = {role: bearer(with_token(store, "mine", role)) for role in roles}
        yield Site(client, store, ids, tokens)


async def asked(site: Site, route: Route, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Status and text of the answer."""
    method = "GET" if route.method == "*" else route.method
    body = None if method in READING else BODIES.get(route.path, {})
    async with site.client.request(
        method, path, headers=headers, json=body, allow_redirects=False
    ) as response:
        return response.status, await response.text()


def code_of(route: Route, text: str) -> str:
    """The code of an error."""
    return HEAD if route.method == "HEAD" else str(json.loads(text)["error"]["code"])


def test_routes_are_found() -> None:
    assert {"/api/v1/sql", "/api/v1/requests/{id}", "/api/v1/admin/keys", "/api/v1/auth/password", "/"} <= {
        route.path for route in ROUTES
    }
    assert len(ROUTES) > 80


def test_what_is_open_is_listed() -> None:
    opened = {route.path for route in ROUTES if route.need is Need.NOTHING and not route.is_page}
    assert opened == OPEN
    for route in ROUTES:
        if route.is_page:
            assert (route.need, route.method in READING) == (Need.NOTHING, True), route


def test_what_a_viewer_may_send_is_listed() -> None:
    sent = {
        f"{route.method} {route.path}"
        for route in ROUTES
        if route.need is Need.VIEWER and route.method not in READING
    }
    # They only read, and take what they read by in a body.
    assert sent == {"POST /api/v1/sql", "POST /api/v1/requests/search", "POST /api/v1/requests/export"}


def test_the_admin_api_is_for_administrators() -> None:
    for route in ROUTES:
        if route.path.startswith("/api/v1/admin"):
            assert route.need in (Need.MANAGER, Need.INSTALLATION), route


async def test_who_is_not_signed_in_gets_nothing(site: Site) -> None:
    for route in ROUTES:
        if route.need is Need.NOTHING:
            continue
        for headers in ({}, bearer("tg-api-unknown"), {"Cookie": "__Host-tallygate-session=x"}):
            if route.method not in READING:
                headers = headers | {"Origin": PUBLIC}
            status, text = await asked(site, route, site.path(route), headers)
            assert status == 401, (route, status, text)
            assert code_of(route, text) in {HEAD, "not_signed_in", "invalid_token"}


@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
async def test_nobody_sees_or_changes_what_is_of_another_project(site: Site, role: str) -> None:
    before = site.store.dump().model_dump(exclude={"version", "stamp"})
    for route in ROUTES:
        if route.need is Need.NOTHING:
            continue
        path = site.path(route)
        status, text = await asked(site, route, path, site.tokens[role])
        said = text.replace(path, "")
        if status == 404 or "param" in said:
            said = said.replace(f"'{CANARY}'", "")
        assert CANARY not in said, (route, status, text)
        if route.need.role is not None:
            for chosen, extra in ((f"{path}?project=theirs", {}), (path, {"Tallygate-Project": "theirs"})):
                status, text = await asked(site, route, chosen, site.tokens[role] | extra)
                assert status == 403, (route, status, text)
                assert code_of(route, text) in {HEAD, "project_not_allowed", "role_too_low"}
    assert site.store.dump().model_dump(exclude={"version", "stamp"}) == before


async def test_the_canary_would_be_found(site: Site) -> None:
    theirs = bearer(with_token(site.store, "theirs", "admin"))
    found = {
        route.path for route in ROUTES if CANARY in (await asked(site, route, site.path(route), theirs))[1]
    }
    assert {"/api/v1/sql", "/api/v1/requests", "/api/v1/requests/{id}", "/api/v1/users"} <= found
    assert {"/api/v1/admin/keys", "/api/v1/admin/credentials", "/api/v1/admin/audit"} <= found


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_roles_that_are_too_low(site: Site, role: str) -> None:
    for route in ROUTES:
        allowed = {"viewer": {Need.VIEWER}, "member": {Need.VIEWER, Need.MEMBER}}[role]
        if route.need in {Need.NOTHING, Need.SIGNED_IN, *allowed}:
            continue
        status, text = await asked(site, route, site.path(route), site.tokens[role])
        assert status == 403, route
        assert code_of(route, text) in {HEAD, "role_too_low"}, route


async def test_a_page_of_another_site_changes_nothing(site: Site) -> None:
    for route in ROUTES:
        if route.method in READING:
            continue
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            status, text = await asked(site, route, site.path(route), dict(headers))
            assert (status, code_of(route, text)) == (403, "origin_not_allowed"), route


async def test_info_tells_who_asks(site: Site) -> None:
    async with site.client.get("/api/v1/info", headers=site.tokens["viewer"]) as response:
        you = (await response.json())["you"]
    assert you == {
        "mode": "password",
        "email": None,
        "name": None,
        "administrator": False,
        "project": "mine",
        "projects": [{"id": "mine", "name": "mine", "role": "viewer"}],
    }
