"""Signing in by password, over HTTP: what gets in, what doesn't, and for how long."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallygate.control.access import throttle
from tallygate.control.access.mount import door_for
from tallygate.control.access.open_door import OpenDoor
from tallygate.control.open import open_store
from tallygate.control.store import admins, audit, users
from tallygate.control.store.database import ControlStore
from tallygate.control.store.engine import engine_for
from tallygate.runtime.config import AuthConfig, Settings
from tests.support.access import (
    OWN_PAGE,
    PASSWORD,
    PUBLIC,
    Client,
    bearer,
    own_page,
    running_site,
    sign_in,
    with_admin_token,
    with_projects,
    with_token,
    with_user,
)
from tests.support.control import settings_for

AUTH = "/api/v1/auth"
COOKIE = "tallygate-session"


def password_settings(directory: Path, **auth: Any) -> Settings:
    return settings_for(directory, auth=AuthConfig(**({"mode": "password"} | auth)))


class Clock:
    """A store's time, which moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(tmp_path: Path, clock: Clock) -> Iterator[ControlStore]:
    """A store whose time is the clock's."""
    settings = settings_for(tmp_path)
    opened = open_store(settings)
    vault = opened.vault
    opened.close()
    store = ControlStore(engine_for(None, tmp_path / "control.db"), vault, clock=clock)
    yield store
    store.close()


async def status_of(client: Client, path: str = "/echo", method: str = "GET", **options: Any) -> int:
    async with client.request(method, path, **options) as response:
        await response.read()
        return response.status


async def code_of(client: Client, path: str, method: str = "GET", **options: Any) -> tuple[int, str]:
    async with client.request(method, path, **options) as response:
        return response.status, (await response.json())["error"]["code"]


def cookie_of(client: Client) -> str:
    return next(cookie.value for cookie in client.session.cookie_jar if cookie.key == COOKIE)


async def test_a_browsers_day(store: ControlStore, tmp_path: Path) -> None:
    with_projects(store, "team")
    with_user(store, roles={"team": "member"})
    async with running_site(store, password_settings(tmp_path)) as client:
        assert await code_of(client, "/echo") == (401, "not_signed_in")
        async with client.get(f"{AUTH}/methods") as response:
            assert await response.json() == {"password": True, "provider": None, "ready": False}
        user = await sign_in(client, " Ann@Example.COM ")
        assert (user["email"], "password" in user) == ("ann@example.com", False)
        async with client.get("/echo") as response:
            told = await response.json()
        assert told == {"actor": "ann@example.com", "project": "team", "query": []}
        assert await status_of(client, method="POST", headers=own_page(client)) == 200
        assert await status_of(client, f"{AUTH}/sign-out", "POST", json={}, headers=own_page(client)) == 204
        assert await status_of(client) == 401
        assert await status_of(client, f"{AUTH}/sign-out", "POST", json={}, headers=own_page(client)) == 204
    with store.read() as session:
        actions = [entry.action for entry in audit.listed(session, limit=2)]
        (kept_user,) = users.listed(session, limit=9)
    assert actions == ["session.end", "session.begin"]
    assert kept_user.signed_in_at is not None


async def test_the_cookie_is_for_https_and_not_for_scripts(store: ControlStore, tmp_path: Path) -> None:
    with_user(store)
    async with running_site(store, password_settings(tmp_path, public_url=PUBLIC + "/")) as client:
        given = {"email": "ann@example.com", "password": PASSWORD}
        async with client.post(f"{AUTH}/sign-in", json=given, headers=OWN_PAGE) as response:
            assert response.status == 200
            (header,) = response.headers.getall("Set-Cookie")
            assert response.headers["Cache-Control"] == "no-store"
        name, *attributes = header.split("; ")
        assert name.startswith("__Host-tallygate-session=tg-session-")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax", "Max-Age=604800"} <= set(attributes)
        assert not any(attribute.lower().startswith("domain") for attribute in attributes)
        cookie = {"Cookie": name}
        assert await code_of(client, "/echo", headers=cookie) == (403, "no_project")
        bare = {"Cookie": name.removeprefix("__Host-")}
        assert await code_of(client, "/echo", headers=bare) == (401, "not_signed_in")
        async with client.post(f"{AUTH}/sign-out", json={}, headers=OWN_PAGE | cookie) as response:
            assert "Max-Age=0" in response.headers["Set-Cookie"]
            assert "Secure" in response.headers["Set-Cookie"]
        assert await status_of(client, headers=cookie) == 401


@pytest.mark.parametrize(
    "given",
    [
        {"email": "ann@example.com", "password": PASSWORD + "x"},
        {"email": "ann@example.com", "password": ""},
        {"email": "bob@example.com", "password": PASSWORD},
        {"email": "", "password": PASSWORD},
        {"email": "no address", "password": PASSWORD},
        {"email": "oidc@example.com", "password": ""},
        {"email": "oidc@example.com", "password": "there is no such user"},
    ],
)
async def test_nothing_tells_who_has_an_account(
    store: ControlStore, tmp_path: Path, given: dict[str, str]
) -> None:
    with_user(store)
    with_user(store, "oidc@example.com", password=None)
    async with running_site(store, password_settings(tmp_path)) as client:
        async with client.post(f"{AUTH}/sign-in", json=given, headers=own_page(client)) as response:
            assert response.status == 401
            error = (await response.json())["error"]
            assert "Set-Cookie" not in response.headers
        assert (error["code"], error["message"]) == (
            "wrong_password",
            "the address or the password is wrong",
        )


async def test_an_unknown_address_costs_a_hash_too(
    store: ControlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tallygate.control.access import passwords

    hashes: list[str] = []
    verify = passwords._HASHER.verify

    def counted(_self: object, kept: str, given: str) -> bool:
        hashes.append(kept)
        return verify(kept, given)

    monkeypatch.setattr(type(passwords._HASHER), "verify", counted)
    with_user(store)
    async with running_site(store, password_settings(tmp_path)) as client:
        await sign_in(client, "ann@example.com", "wrong", 401)
        await sign_in(client, "nobody@example.com", "wrong", 401)
    cost = [kept.split("$")[3] for kept in hashes]
    assert len(cost) == 2
    assert cost[0] == cost[1]


@pytest.mark.parametrize(
    "given",
    [[], "x", {"email": "a@b"}, {"email": "a@b", "password": "x" * 1025}, {"email": "a\0", "password": "x"}],
)
async def test_what_is_no_attempt(store: ControlStore, tmp_path: Path, given: Any) -> None:
    async with running_site(store, password_settings(tmp_path)) as client:
        headers = own_page(client)
        assert await code_of(client, f"{AUTH}/sign-in", "POST", json=given, headers=headers) == (
            400,
            "invalid_request",
        )
        form = {"email": "a@b", "password": "x"}
        assert await status_of(client, f"{AUTH}/sign-in", "POST", data=form, headers=headers) == 415


async def test_signing_in_gives_a_new_session_and_ends_the_one_before(
    store: ControlStore, tmp_path: Path
) -> None:
    with_user(store, roles={"default": "viewer"})
    async with running_site(store, password_settings(tmp_path)) as client:
        # A session that somebody else has put into the browser.
        client.session.cookie_jar.update_cookies({COOKIE: "tg-session-fixed"}, client.make_url("/"))
        await sign_in(client)
        first = cookie_of(client)
        assert first != "tg-session-fixed"
        await sign_in(client)
        second = cookie_of(client)
        assert second != first
        client.session.cookie_jar.clear()
        for cookie, status in (("tg-session-fixed", 401), (first, 401), (second, 200)):
            assert await status_of(client, headers={"Cookie": f"{COOKIE}={cookie}"}) == status


async def test_sessions_end(kept: ControlStore, clock: Clock, tmp_path: Path) -> None:
    with_user(kept, roles={"default": "viewer"})
    settings = password_settings(tmp_path, session_idle_s=3600, session_max_s=8 * 3600)
    async with running_site(kept, settings) as client:
        await sign_in(client)
        clock.move(minutes=59)
        assert await status_of(client) == 200  # and used: it lives on
        clock.move(minutes=59)
        assert await status_of(client) == 200
        clock.move(minutes=60)
        assert await code_of(client, "/echo") == (401, "not_signed_in")
        await sign_in(client)
        for _ in range(9):
            clock.move(minutes=50)
            assert await status_of(client) == 200
        clock.move(minutes=30)  # 8 hours, however much it was used
        assert await status_of(client) == 401


async def test_another_password_ends_all_other_sessions(store: ControlStore, tmp_path: Path) -> None:
    with_user(store, roles={"default": "viewer"})
    new = {"current": PASSWORD, "new": "another battery staple"}
    async with running_site(store, password_settings(tmp_path)) as client:
        await sign_in(client)
        elsewhere = {"Cookie": f"{COOKIE}={cookie_of(client)}"}
        client.session.cookie_jar.clear()
        await sign_in(client)
        before = {"Cookie": f"{COOKIE}={cookie_of(client)}"}
        options: dict[str, Any] = {"headers": own_page(client)}
        wrong = await code_of(client, f"{AUTH}/password", "POST", json=new | {"current": "x"}, **options)
        assert wrong == (401, "wrong_password")
        short = await code_of(client, f"{AUTH}/password", "POST", json=new | {"new": "short"}, **options)
        assert short == (400, "invalid_request")
        assert await status_of(client, f"{AUTH}/password", "POST", json=new, **options) == 200
        assert await status_of(client) == 200
        client.session.cookie_jar.clear()
        for ended in (elsewhere, before):
            assert await status_of(client, headers=ended) == 401
        await sign_in(client, password=PASSWORD, status=401)
        await sign_in(client, password=new["new"])
        # And so does the command.
        with store.write("cli") as change:
            users.set_password(change, "ann@example.com", "hash")
        assert await status_of(client) == 401


async def test_who_is_removed_or_signed_out_is_out(store: ControlStore, tmp_path: Path) -> None:
    with_user(store, roles={"default": "viewer"})
    async with running_site(store, password_settings(tmp_path)) as client:
        await sign_in(client)
        with store.write("cli") as change:
            users.sign_out(change, "ann@example.com")
        assert await status_of(client) == 401
        await sign_in(client)
        with store.write("cli") as change:
            users.withdraw(change, "ann@example.com", "default")
        assert await code_of(client, "/echo") == (403, "no_project")
        with store.write("cli") as change:
            users.remove(change, "ann@example.com")
        assert await status_of(client) == 401
        await sign_in(client, status=401)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_pages_of_other_sites_change_nothing(
    store: ControlStore, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    with_user(store, roles={"default": "member"})
    async with running_site(store, password_settings(tmp_path)) as client:
        await sign_in(client)
        for method in ("POST",):
            assert await status_of(client, method=method, headers=headers) == status
        if status == 403:
            assert await code_of(client, "/echo", "POST", headers=headers) == (403, "origin_not_allowed")
            given = {"email": "ann@example.com", "password": PASSWORD}
            sent = await status_of(client, f"{AUTH}/sign-in", "POST", json=given, headers=headers)
            assert sent == 403  # nor sign anybody in
        token = with_token(store, "default", "member")
        foreign = headers.get("Origin", "")
        if "evil" not in foreign and foreign != "null":
            assert await status_of(client, method="POST", headers=headers | bearer(token)) == 200


async def test_on_this_machine_only_this_machine_is_answered(store: ControlStore, tmp_path: Path) -> None:
    with_user(store, roles={"default": "member"})
    async with running_site(store, password_settings(tmp_path)) as client:
        headers = {"Host": "evil.example", "Origin": "http://evil.example"}
        given = {"email": "ann@example.com", "password": PASSWORD}
        path = f"{AUTH}/sign-in"
        refused = await code_of(client, path, "POST", json=given, headers=headers)
        assert refused == (403, "host_not_allowed")


async def test_tokens(kept: ControlStore, clock: Clock, tmp_path: Path) -> None:
    with_projects(kept, "a", "b")
    token = with_token(kept, "a", "member", expires_at=clock.now + timedelta(days=1))
    admin = with_admin_token(kept)
    async with running_site(kept, password_settings(tmp_path, public_url=PUBLIC)) as client:
        async with client.post("/echo", headers=bearer(token)) as response:
            told = await response.json()
        assert told["project"] == "a"
        assert told["actor"].startswith("a script (token_")
        assert await code_of(client, "/echo?project=b", headers=bearer(token)) == (403, "project_not_allowed")
        assert await status_of(client, "/echo?project=b", headers=bearer(admin)) == 200
        assert await code_of(client, "/echo?project=c", headers=bearer(admin)) == (404, "project_not_found")
        clock.move(days=1)
        assert await code_of(client, "/echo", headers=bearer(token)) == (401, "invalid_token")
        with kept.read() as session:
            (made,) = admins.listed(session, limit=2)
        with kept.write("test") as change:
            admins.revoke(change, made.id)
        assert await status_of(client, headers=bearer(admin)) == 401
        for wrong in ("", "tg-api-x", "tg-admin-x", "tg-session-x", "\u00e9", admin + " "):
            assert await status_of(client, headers=bearer(wrong)) == 401


async def test_a_wrong_token_is_not_made_good_by_a_cookie(store: ControlStore, tmp_path: Path) -> None:
    with_user(store, roles={"default": "member"})
    async with running_site(store, password_settings(tmp_path)) as client:
        await sign_in(client)
        assert await status_of(client, headers=bearer("tg-api-x")) == 401
        assert await status_of(client, headers={"Authorization": "Basic cHJveHk6cHJveHk="}) == 200


@pytest.mark.parametrize(
    ("asked", "headers", "outcome"),
    [
        ("", {}, "a"),
        ("?project=b", {}, "b"),
        ("", {"Tallygate-Project": "b"}, "b"),
        ("?project=b", {"Tallygate-Project": "b"}, "b"),
        ("?project=a", {"Tallygate-Project": "b"}, "invalid_parameter"),
        ("?project=a&project=b", {}, "invalid_parameter"),
        ("?project=A%20b", {}, "invalid_parameter"),
        ("?project=", {}, "invalid_parameter"),
        ("?project=c", {}, "project_not_allowed"),
        ("?project=nowhere", {}, "project_not_allowed"),
        ("?project=default", {}, "project_not_allowed"),
    ],
)
async def test_the_choice_of_a_project(
    store: ControlStore, tmp_path: Path, asked: str, headers: dict[str, str], outcome: str
) -> None:
    with_projects(store, "a", "b", "c")
    with_user(store, roles={"a": "viewer", "b": "admin"})
    async with running_site(store, password_settings(tmp_path)) as client:
        await sign_in(client)
        async with client.get(f"/echo{asked}", headers=headers) as response:
            told = await response.json()
        assert told.get("project") == outcome or told["error"]["code"] == outcome


async def test_handlers_do_not_see_the_choice(store: ControlStore, tmp_path: Path) -> None:
    with_token(store, "default")
    async with running_site(store, Settings(data_dir=tmp_path)) as client:
        path = "/echo?x=1&project=default&property.a%2Fb=%C3%A4%26"
        async with client.get(path) as response:
            assert (await response.json())["query"] == [["x", "1"], ["property.a/b", "ä&"]]


async def test_roles(store: ControlStore, tmp_path: Path) -> None:
    with_projects(store, "a")
    tokens = {role: with_token(store, "a", role) for role in ("viewer", "member", "admin")}
    new = {"project": "a", "name": "k"}
    async with running_site(store, password_settings(tmp_path, public_url=PUBLIC)) as client:
        for role, post, manage in (("viewer", 403, 403), ("member", 200, 403), ("admin", 200, 201)):
            headers = bearer(tokens[role])
            assert await status_of(client, headers=headers) == 200
            assert await status_of(client, method="POST", headers=headers) == post
            assert await status_of(client, "/api/v1/admin/keys", "POST", json=new, headers=headers) == manage
        owner = bearer(tokens["admin"])
        for path in ("/api/v1/admin/users", "/api/v1/admin/admins"):
            assert await code_of(client, path, headers=owner) == (403, "role_too_low")
        made = await code_of(client, "/api/v1/admin/projects", "POST", json={"id": "x"}, headers=owner)
        assert made == (403, "role_too_low")
        shared = {"provider": "openai"}
        path = "/api/v1/admin/credentials"
        assert await code_of(client, path, "POST", json=shared, headers=owner) == (403, "role_too_low")


async def test_users_and_members_by_the_admin_api(store: ControlStore, tmp_path: Path) -> None:
    with_projects(store, "a")
    everything, owner = bearer(with_admin_token(store)), bearer(with_token(store, "a", "admin"))
    api = "/api/v1/admin"
    async with running_site(store, password_settings(tmp_path, public_url=PUBLIC)) as client:
        new = {"email": "Bob@example.com"}
        async with client.post(f"{api}/users", json=new, headers=everything) as response:
            assert (response.status, (await response.json())["email"]) == (201, "bob@example.com")
        assert await status_of(client, f"{api}/users", "POST", json=new, headers=everything) == 409
        grant = {"email": "bob@example.com", "project": "a", "role": "viewer"}
        assert await status_of(client, f"{api}/members", "PUT", json=grant, headers=owner) == 200
        async with client.get(f"{api}/members?project=a", headers=owner) as response:
            assert (await response.json())["data"] == [grant]
        grant["project"] = "default"
        assert await status_of(client, f"{api}/members", "PUT", json=grant, headers=owner) == 404
        gone = f"{api}/members?email=bob@example.com&project=a"
        assert await status_of(client, gone, "DELETE", headers=owner) == 204
        assert await status_of(client, gone, "DELETE", headers=owner) == 404
        async with client.get(f"{api}/users", headers=everything) as response:
            assert [user["email"] for user in (await response.json())["data"]] == ["bob@example.com"]
        gone = f"{api}/users?email=bob@example.com"
        assert await status_of(client, gone, "DELETE", headers=everything) == 204


async def test_guessing_is_slow(store: ControlStore, tmp_path: Path) -> None:
    with_user(store, roles={"default": "viewer"})
    most = throttle.BY_PAIR.burst
    async with running_site(store, password_settings(tmp_path)) as client:
        # At once, too: none slips through while another is being checked.
        given = {"email": "ann@example.com", "password": "wrong"}
        attempts = (
            status_of(client, f"{AUTH}/sign-in", "POST", json=given, headers=own_page(client))
            for _ in range(3 * most)
        )
        assert sorted(await asyncio.gather(*attempts)) == [401] * most + [429] * (2 * most)
        async with client.post(
            f"{AUTH}/sign-in", json=given | {"password": PASSWORD}, headers=own_page(client)
        ) as response:
            assert response.status == 429  # the right one, too
            assert 0 < int(response.headers["Retry-After"]) <= throttle.BY_PAIR.refill_s
        elsewhere = own_page(client) | {"X-Forwarded-For": "198.51.100.7"}
        right = given | {"password": PASSWORD}
        assert await status_of(client, f"{AUTH}/sign-in", "POST", json=right, headers=elsewhere) == 200


async def test_nothing_secret_is_logged(
    store: ControlStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with_user(store, roles={"default": "viewer"})
    caplog.set_level("DEBUG")
    async with running_site(store, password_settings(tmp_path)) as client:
        await sign_in(client, password="canary-wrong-password", status=401)
        await sign_in(client)
        secret = cookie_of(client)
        await status_of(client)
    assert "wrong password for 'ann@example.com' from 127.0.0.1" in caplog.text
    for hidden in ("canary-wrong-password", PASSWORD, secret, "$argon2"):
        assert hidden not in caplog.text


async def test_the_use_of_a_session_is_no_change_for_edges(
    kept: ControlStore, clock: Clock, tmp_path: Path
) -> None:
    with_user(kept, roles={"default": "viewer"})
    async with running_site(kept, password_settings(tmp_path)) as client:
        stamp = kept.stamp()
        await sign_in(client)
        clock.move(minutes=10)
        assert await status_of(client) == 200
        assert kept.stamp() == stamp


async def test_a_hash_of_old_parameters_is_made_anew(store: ControlStore, tmp_path: Path) -> None:
    from argon2 import PasswordHasher

    with_user(store, roles={"default": "viewer"})
    old = PasswordHasher(time_cost=1, memory_cost=16, parallelism=2).hash(PASSWORD)
    with store.write("test") as change:
        users.set_password(change, "ann@example.com", old)
    async with running_site(store, password_settings(tmp_path)) as client:
        await sign_in(client)
        with store.read() as session:
            found = users.password_of(session, "ann@example.com")
        assert found is not None
        assert found[1] != old
        assert await status_of(client) == 200
        await sign_in(client)


def test_in_open_mode_there_is_no_signing_in(store: ControlStore, tmp_path: Path) -> None:
    assert isinstance(door_for(Settings(data_dir=tmp_path), lambda: store), OpenDoor)
