"""The admin API over HTTP, on both databases."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tallygate.control.access.gate import Door, gate
from tallygate.control.access.open_door import OpenDoor
from tallygate.control.api.app import PREFIX, build_admin
from tallygate.control.later import LaterStore
from tallygate.control.open import open_store
from tallygate.control.specs import NewAdminToken
from tallygate.control.store import admins
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import ConfigError, Settings
from tests.support.access import signed_in_door
from tests.support.control import now_us, settings_for
from tests.support.postgres import Postgres

Client = TestClient[web.Request, web.Application]
SECRET = "sk-canary-0123456789abcdef"


@asynccontextmanager
async def api(store: ControlStore, door: Door | None = None) -> AsyncIterator[Client]:
    """The API mounted as the query API's process mounts it."""
    app = web.Application(middlewares=[gate(door or OpenDoor())])
    app.add_subapp(PREFIX, build_admin(lambda: store))
    async with TestClient(TestServer(app)) as client:
        yield client


async def call(client: Client, method: str, path: str, given: Any = None, status: int = 200) -> Any:
    """The JSON answer of a call that ends with this status."""
    async with client.request(method, PREFIX + path, json=given) as response:
        body = await response.read()
        assert response.status == status, body
        return None if status == 204 else await response.json()


async def test_a_keys_whole_life(store: ControlStore) -> None:
    async with api(store) as client:
        given = {
            "project": "default",
            "name": "ci",
            "models": ["gpt-*"],
            "expires_at": "2100-01-01T01:00:00+01:00",
        }
        made = await call(client, "POST", "/keys", given, 201)
        key_id, secret = made["key"]["id"], made["secret"]
        assert store.snapshot().authenticate(secret, now_us()) is not None
        assert made["key"]["expires_at"] == "2100-01-01T00:00:00Z"
        shown = await call(client, "GET", f"/keys/{key_id}")
        assert shown == made["key"]
        changed = await call(client, "PATCH", f"/keys/{key_id}", {"name": "new", "expires_at": None})
        assert changed == {**shown, "name": "new", "expires_at": None}
        rotated = await call(client, "POST", f"/keys/{key_id}/rotate", {"overlap_s": 0})
        assert store.snapshot().find(rotated["secret"]) is not None
        assert store.snapshot().authenticate(secret, now_us()) is None
        assert (await call(client, "POST", f"/keys/{key_id}/revoke", {}))["revoked_at"] is not None
        assert store.snapshot().grants == {}
        await call(client, "POST", f"/keys/{key_id}/rotate", {}, 409)
        assert (await call(client, "GET", "/keys"))["data"] == []
        listed = await call(client, "GET", "/keys?state=revoked&project=default")
        assert [one["id"] for one in listed["data"]] == [key_id]
        assert rotated["secret"] not in str(listed)


async def test_credentials_go_in_and_never_out(store: ControlStore) -> None:
    async with api(store) as client:
        given = {"provider": "openai", "secrets": {"api_key": SECRET}, "weight": 2}
        made = await call(client, "POST", "/credentials", given, 201)
        answers = [made, await call(client, "GET", "/credentials")]
        answers.append(await call(client, "GET", f"/credentials/{made['id']}"))
        answers.append(await call(client, "PATCH", f"/credentials/{made['id']}", {"region": "eu"}))
        answers.append(await call(client, "POST", "/credentials", given, 409))
        answers.append(
            await call(client, "POST", "/credentials", {**given, "secrets": {"api_key": SECRET + "\n"}}, 400)
        )
        answers.append(await call(client, "POST", "/credentials", {**given, "secrets": SECRET}, 400))
        answers.append(await call(client, "GET", "/audit"))
        assert made["last4"] == "cdef"
        assert not any("canary" in str(answer) for answer in answers)
        (deployment,) = store.snapshot().deployments_of("default", "openai")
        assert deployment.api_key is not None
        assert deployment.api_key.get_secret_value() == SECRET
        await call(client, "DELETE", f"/credentials/{made['id']}", status=204)
        await call(client, "DELETE", f"/credentials/{made['id']}", status=404)


async def test_projects_and_aliases(store: ControlStore) -> None:
    async with api(store) as client:
        await call(client, "POST", "/projects", {"id": "team"}, 201)
        patch = {"name": "The Team", "settings": {"omit_request": True}}
        changed = await call(client, "PATCH", "/projects/team", patch)
        assert (changed["name"], changed["settings"]["omit_request"]) == ("The Team", True)
        assert (await call(client, "GET", "/projects/team")) == changed
        alias = {"project": "team", "name": "fast", "models": ["a", "b"]}
        await call(client, "PUT", "/aliases", alias)
        await call(client, "PUT", "/aliases", {**alias, "project": "nowhere"}, 404)
        assert store.snapshot().resolve("team", "fast") == ("a", "b")
        listed = await call(client, "GET", "/aliases?project=team")
        assert [one["name"] for one in listed["data"]] == ["fast"]
        await call(client, "DELETE", "/aliases?name=fast&project=team", status=204)
        await call(client, "DELETE", "/aliases?name=fast&project=team", status=404)
        await call(client, "GET", "/projects/nowhere", status=404)


async def test_pages_have_no_gap_or_repeat(store: ControlStore) -> None:
    async with api(store) as client:
        for number in range(7):
            await call(client, "POST", "/keys", {"project": "default", "name": f"k{number}"}, 201)
            await call(client, "POST", "/projects", {"id": f"p{number}"}, 201)
        for path, name in (("/keys", "id"), ("/projects", "id"), ("/audit", "id")):
            found: list[Any] = []
            cursor = ""
            while True:
                page = await call(client, "GET", f"{path}?limit=3{cursor}")
                assert len(page["data"]) <= 3
                found += [one[name] for one in page["data"]]
                if page["next_cursor"] is None:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            everything = await call(client, "GET", f"{path}?limit=500")
            assert found == [one[name] for one in everything["data"]]
            assert len(found) == len(set(found)) >= 7


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "param"),
    [
        ("POST", "/keys", {}, 400, "project"),
        ("POST", "/keys", [], 400, None),
        ("POST", "/keys", {"project": "default", "name": "\ud800"}, 400, None),
        ("POST", "/keys", {"project": "default", "name": "a\x00"}, 400, "name"),
        (
            "POST",
            "/keys",
            {"project": "default", "name": "k", "expires_at": "2001-01-01T00:00:00Z"},
            400,
            "expires_at",
        ),
        ("POST", "/keys", {"project": "nowhere", "name": "k"}, 404, None),
        ("PATCH", "/keys/key_0", {}, 404, None),
        ("PATCH", "/keys/key_" + "0" * 32, {}, 404, None),
        ("POST", "/keys/key_" + "0" * 32 + "/revoke", {"x": 1}, 400, "x"),
        ("GET", "/keys?limit=0", None, 400, "limit"),
        ("GET", "/keys?limit=501", None, 400, "limit"),
        ("GET", "/keys?limit=x", None, 400, "limit"),
        ("GET", "/keys?limit=1&limit=2", None, 400, None),
        ("GET", "/keys?state=dead", None, 400, "state"),
        ("GET", "/keys?cursor=key_x", None, 400, "cursor"),
        ("GET", "/keys?nonsense=1", None, 400, "nonsense"),
        ("GET", "/keys?project=%00", None, 400, "project"),
        ("GET", "/audit?cursor=99999999999999999999", None, 400, "cursor"),
        ("GET", "/audit?target=%00", None, 400, "target"),
        ("DELETE", "/aliases", None, 400, "name"),
        ("DELETE", "/aliases?name=%00", None, 400, "name"),
        ("GET", "/projects/%00", None, 404, None),
        ("PATCH", "/projects/default", {"archived": True}, 400, "archived"),
        ("DELETE", "/keys", None, 405, None),
        ("GET", "/nothing", None, 404, None),
    ],
)
async def test_mistakes_are_told(
    store: ControlStore, method: str, path: str, given: Any, status: int, param: str | None
) -> None:
    async with api(store) as client:
        error = (await call(client, method, path, given, status))["error"]
    assert (error["type"], error["param"]) == ("tallygate_error", param)
    assert error["message"]
    assert error["code"] in {"invalid_request", "not_found", "method_not_allowed"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b'"x"', b"1e999"]
)
async def test_bodies_that_are_no_json_object(store: ControlStore, body: bytes) -> None:
    async with api(store) as client:
        headers = {"Content-Type": "application/json"}
        async with client.post(f"{PREFIX}/keys", data=body, headers=headers) as response:
            assert response.status == 400
            assert (await response.json())["error"]["code"] == "invalid_request"


async def test_bodies_of_another_type_or_too_large(store: ControlStore) -> None:
    async with api(store) as client:
        async with client.post(
            f"{PREFIX}/keys", data=b"{}", headers={"Content-Type": "text/plain"}
        ) as response:
            assert response.status == 415
        huge = b'{"name": "' + b"x" * 2_000_000 + b'"}'
        headers = {"Content-Type": "application/json"}
        for data in (io.BytesIO(huge), chunks(huge)):
            async with client.post(f"{PREFIX}/keys", data=data, headers=headers) as response:
                assert response.status == 413
                assert (await response.json())["error"]["code"] == "body_too_large"


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    """A body whose length isn't told."""
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8081"}, 200),
        ({"Host": "[::1]:8081"}, 200),
        ({"Host": "127.9.9.9"}, 200),
        ({"Host": "tallygate.example"}, 403),
        ({"Host": "127.0.0.1.example"}, 403),
        ({"Host": "localhost.example"}, 403),
        ({"Host": "example@127.0.0.1"}, 403),
        ({"Host": "192.168.1.5"}, 403),
        ({"Host": "0.0.0.0"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "http://127.0.0.1:8081"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_open_mode_answers_this_machine_only(
    store: ControlStore, headers: dict[str, str], status: int
) -> None:
    async with api(store) as client, client.get(f"{PREFIX}/keys", headers=headers) as response:
        assert response.status == status
        assert response.headers["Content-Type"] == "application/json"


async def test_with_tokens_nobody_else_gets_in(store: ControlStore) -> None:
    with store.write("test") as change:
        token, secret = admins.create(change, NewAdminToken(name="ci"))
    async with api(store, signed_in_door(store)) as client:
        for header, expected in (
            ("", "not_signed_in"),
            ("Bearer", "invalid_token"),
            ("Bearer ", "invalid_token"),
            (f"Basic {secret}", "not_signed_in"),
            (secret, "not_signed_in"),
            (f"Bearer {secret}x", "invalid_token"),
            ("Bearer \u00e9", "invalid_token"),
        ):
            async with client.get(f"{PREFIX}/keys", headers={"Authorization": header}) as response:
                assert response.status == 401
                assert "WWW-Authenticate" in response.headers
                assert (await response.json())["error"]["code"] == expected
        mine = {"Authorization": f"Bearer {secret}", "Host": "tallygate.example"}
        async with client.post(
            f"{PREFIX}/keys", headers=mine, json={"project": "default", "name": "k"}
        ) as response:
            assert response.status == 201
            assert response.headers["Cache-Control"] == "no-store"
        async with client.get(f"{PREFIX}/audit?limit=1", headers=mine) as response:
            (entry,) = (await response.json())["data"]
            assert (entry["actor"], entry["action"]) == (f"ci ({token.id})", "key.create")
        async with client.post(f"{PREFIX}/admins/{token.id}/revoke", headers=mine, json={}) as response:
            assert response.status == 200
        async with client.get(f"{PREFIX}/keys", headers=mine) as response:
            assert response.status == 401


async def test_admin_tokens_are_shown_once(store: ControlStore) -> None:
    async with api(store) as client:
        made = await call(client, "POST", "/admins", {"name": "ci"}, 201)
        listed = await call(client, "GET", "/admins")
    assert listed["data"] == [made["token"]]
    assert made["secret"].startswith("tg-admin-")
    assert made["secret"][9:] not in str(listed)


async def test_a_store_that_is_down_is_told(settings: Settings, store: ControlStore) -> None:
    if settings.control.dsn is None:
        store.close()
        (settings.data_dir / "control.db").rename(settings.data_dir / "aside.db")
    else:
        from tallygate.control.store.engine import engine_for

        store = ControlStore(
            engine_for("postgresql://x:hunter2@127.0.0.1:1/none", settings.data_dir), store.vault
        )
    async with api(store) as client, client.get(f"{PREFIX}/keys") as response:
        assert response.status == 503
        error = (await response.json())["error"]
        assert error["code"] == "store_unavailable"
        assert "hunter2" not in str(error)
        assert response.headers["Retry-After"] == "1"


async def test_an_unexpected_error_tells_nothing(
    store: ControlStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise LookupError("inner workings")

    monkeypatch.setattr("tallygate.control.store.keys.listed", fail)
    async with api(store) as client:
        error = (await call(client, "GET", "/keys", status=500))["error"]
    assert error["code"] == "internal_error"
    assert "inner workings" not in str(error)
    assert "inner workings" in caplog.text


async def test_calls_at_once(store: ControlStore) -> None:

    async with api(store) as client:
        given = {"project": "default", "name": "k"}
        made = await asyncio.gather(*(call(client, "POST", "/keys", given, 201) for _ in range(20)))
    assert len({one["secret"] for one in made}) == 20
    assert store.dump().version == 20


def mounted(settings: Settings) -> web.Application:
    store = LaterStore(lambda: open_store(settings))
    app = web.Application(middlewares=[gate(OpenDoor(store.opened))])
    app.add_subapp(PREFIX, build_admin(store.opened))
    app.cleanup_ctx.append(store.lifetime)
    return app


async def test_mounted_it_opens_and_closes_its_store(settings: Settings) -> None:
    app = mounted(settings)
    async with TestClient(TestServer(app)) as client:
        await call(client, "POST", "/projects", {"id": "team"}, 201)


async def test_mounted_it_does_not_start_with_a_damaged_master_key(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("damaged")
    (tmp_path / "master.key").chmod(0o600)
    app = mounted(settings_for(tmp_path))
    runner = web.AppRunner(app)
    with pytest.raises(ConfigError, match="is damaged"):
        await runner.setup()
    await runner.cleanup()


@pytest.mark.postgres
async def test_mounted_it_waits_for_a_store_that_is_down(postgres: Postgres, tmp_path: Path) -> None:
    app = mounted(settings_for(tmp_path, postgres.new_database()))
    await asyncio.to_thread(postgres.stop)
    try:
        async with TestClient(TestServer(app)) as client:
            await call(client, "GET", "/keys", status=503)
            await asyncio.to_thread(postgres.start)
            await call(client, "POST", "/projects", {"id": "team"}, 201)
    finally:
        await asyncio.to_thread(postgres.stop)
        await asyncio.to_thread(postgres.start)
