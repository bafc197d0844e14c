"""Gateway keys: who is let in, whose credentials are used, and which models may be called."""

import io
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import SecretStr

from tallygate.control.feed import SnapshotFeed
from tallygate.control.open import open_store
from tallygate.control.specs import NewAlias, NewProject, ProjectPatch, SettingsPatch
from tallygate.control.store import aliases, projects
from tallygate.control.store.database import ControlStore
from tests.support.control import issue, keep, revoke, running_feed, settings_for
from tests.support.edge import Edge, edge_before, running_edge
from tests.support.provider import answering, http, running_provider
from tests.support.wait import eventually

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
OWN = "sk-callers-own-key"


@dataclass
class Control:
    """A store and an edge's feed from it."""

    store: ControlStore
    feed: SnapshotFeed

    async def seen(self) -> None:
        """Wait until the edge knows what the store holds."""
        stamp = self.store.stamp()
        await eventually(lambda: self.feed.current.stamp == stamp)


@contextmanager
def control(directory: Path) -> Iterator[Control]:
    settings = settings_for(directory)
    store = open_store(settings)
    try:
        with running_feed(settings) as feed:
            yield Control(store, feed)
    finally:
        store.close()


@asynccontextmanager
async def edge_with_keys(
    directory: Path, environ: dict[str, str] | None = None, **settings: Any
) -> AsyncIterator[tuple[Edge, Control]]:
    """An edge that takes no call without a key."""
    with control(directory) as data:
        async with (
            running_provider(answering(http(b'{"model":"m","usage":{}}'))) as provider,
            edge_before(
                directory,
                provider,
                environ,
                snapshots=lambda: data.feed.current,
                **{"open_mode": False, "edge_host": "127.0.0.1", **settings},
            ) as edge,
        ):
            yield edge, data


async def call(edge: Edge, headers: dict[str, str], model: str = "gpt-4o", **more: str) -> tuple[int, bytes]:
    return await edge.post("/v1/chat/completions", CHAT | {"model": model}, headers=headers | more)


@pytest.mark.parametrize(
    "name", ["Authorization", "x-api-key", "x-goog-api-key", "api-key", "Tallygate-Auth", "Helicone-Auth"]
)
async def test_a_key_is_taken_wherever_it_may_stand(name: str, tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path, {"OPENAI_API_KEY": "sk-env"}) as (edge, data):
        issued = issue(data.store, user_id="ada")
        await data.seen()
        status, _ = await call(edge, {name: f"Bearer {issued.secret}"})
        assert status == 200
        assert edge.provider.last.header("authorization") == "Bearer sk-env"
        sent = [value for _, value in edge.provider.last.headers]
        event = edge.responses()[0]
    assert not any("tg-" in value for value in sent)
    assert (event.project, event.key_id, event.user_id) == ("default", issued.key.id, "ada")


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {OWN}"}, {"Helicone-Auth": "Bearer x"}])
async def test_without_a_gateway_key_a_closed_gateway_refuses(
    headers: dict[str, str], tmp_path: Path
) -> None:
    async with edge_with_keys(tmp_path) as (edge, _):
        status, body = await call(edge, headers)
        assert (status, edge.provider.received) == (401, [])
        assert b'"invalid_api_key"' in body
        event = edge.responses()[0]
    assert (event.outcome, event.error_code) == ("rejected", "invalid_api_key")


@pytest.mark.parametrize("open_mode", [True, False])
async def test_an_unknown_key_is_refused_in_every_mode(open_mode: bool, tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path, open_mode=open_mode) as (edge, _):
        status, _ = await call(edge, {"Authorization": "Bearer tg-" + "0" * 32})
        assert (status, edge.provider.received) == (401, [])


async def test_in_open_mode_another_gateways_key_is_not_looked_at(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        status, _ = await call(
            edge, {"Authorization": f"Bearer {OWN}", "Helicone-Auth": "Bearer sk-helicone-1"}
        )
        assert status == 200
        assert edge.provider.last.header("authorization") == f"Bearer {OWN}"


async def test_the_callers_own_key_is_used_beside_a_gateway_key(tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path, {"OPENAI_API_KEY": "sk-env"}) as (edge, data):
        secret = issue(data.store).secret
        await data.seen()
        await call(edge, {"Authorization": f"Bearer {OWN}", "Helicone-Auth": f"Bearer {secret}"})
        assert edge.provider.last.header("authorization") == f"Bearer {OWN}"


async def test_a_projects_credential_comes_before_the_environments(tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path, {"OPENAI_API_KEY": "sk-env"}) as (edge, data):
        with data.store.write("test") as change:
            projects.create(change, NewProject(id="other"))
        base = edge.provider.url + "/v1"
        stored = SecretStr("sk-of-the-project-1")
        keep(data.store, project="other", base_url=base, secrets={"api_key": stored})
        mine, other = issue(data.store), issue(data.store, project="other")
        await data.seen()
        for issued, expected in ((mine, "sk-env"), (other, "sk-of-the-project-1")):
            await call(edge, {"Authorization": f"Bearer {issued.secret}"})
            assert edge.provider.last.header("authorization") == f"Bearer {expected}"
        assert [event.project for event in edge.responses()] == ["default", "other"]
    disk = b"".join(path.read_bytes() for path in (tmp_path / "outbox").rglob("*") if path.is_file())
    assert b"sk-of-the-project-1" not in disk


async def test_a_revoked_key_stops_within_two_seconds(tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path) as (edge, data):
        # The quickest of some: on a busy machine any one may be held up.
        assert min([await _revoked_for(edge, data) for _ in range(3)]) < 2.0


async def _revoked_for(edge: Edge, data: Control) -> float:
    """Seconds until a key that is revoked is refused."""
    issued = issue(data.store)
    headers = {"Authorization": f"Bearer {issued.secret}"}
    await data.seen()
    assert (await call(edge, headers))[0] == 200
    revoke(data.store, issued.key.id)
    begin = time.monotonic()

    async def refused() -> bool:
        return (await call(edge, headers))[0] == 401

    await eventually(refused)
    return time.monotonic() - begin


async def test_an_expired_key_stops_by_itself(tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path) as (edge, data):
        issued = issue(data.store, expires_at=datetime.now(UTC) + timedelta(seconds=1))
        headers = {"Authorization": f"Bearer {issued.secret}"}
        await data.seen()

        async def refused() -> bool:
            status, body = await call(edge, headers)
            return status == 401 and b"expired" in body

        await eventually(refused)


@pytest.mark.parametrize(
    ("model", "headers", "status"),
    [
        ("gpt-4o-mini", {}, 200),
        ("openai/gpt-4o-mini", {}, 200),
        ("gpt-4o", {}, 403),
        ("gpt-4o-mini,gpt-4o", {}, 403),
        ("gpt-4o-mini", {"Helicone-Fallback-Model": "gpt-4o"}, 403),
        ("gpt-4o-mini", {"Helicone-Fallbacks": '[{"bodyKeyOverride":{"model":"gpt-4o"}}]'}, 403),
        ("small", {}, 200),
        ("big", {}, 403),
    ],
)
async def test_allowed_models(model: str, headers: dict[str, str], status: int, tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path) as (edge, data):
        with data.store.write("test") as change:
            aliases.put(change, NewAlias(name="small", models=("gpt-4o-mini",)))
            aliases.put(change, NewAlias(name="big", models=("gpt-4o-mini", "gpt-4o")))
        secret = issue(data.store, models=("gpt-4o-mini",)).secret
        await data.seen()
        found, body = await call(edge, {"Authorization": f"Bearer {secret}"} | headers, model)
        assert found == status
        if status == 403:
            assert b'"model_not_allowed"' in body
            assert edge.provider.received == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/files", b"", 200),
        ("POST", "/v1/batches", b'{"input_file_id":"f"}', 403),
        ("POST", "/openai/v1/chat/completions", b'{"model":"gpt-4o"}', 403),
        ("POST", "/openai/v1/chat/completions", b'{"model":"gpt-4o-mini"}', 200),
        ("POST", "/google/v1beta/models/gemini-2.5-pro:generateContent", b"{}", 403),
        ("POST", "/v1/chat/completions", b'{"model":"gpt-4o-mini","model":"gpt-4o"}', 403),
        (
            "POST",
            "/v1/chat/completions",
            b'{"model":"gpt-4o-mini","x":"' + b"x" * 1_500_000 + b'","model":"gpt-4o"}',
            403,
        ),
    ],
)
async def test_a_key_for_some_models_reaches_no_other_some_other_way(
    method: str, path: str, body: bytes, status: int, tmp_path: Path
) -> None:
    async with edge_with_keys(tmp_path) as (edge, data):
        secret = issue(data.store, models=("gpt-4o-mini",)).secret
        await data.seen()
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        async with edge.client.request(
            method, edge.url + path, data=io.BytesIO(body) if body else None, headers=headers
        ) as response:
            assert response.status == status


async def test_an_alias_is_a_name_for_models(tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path) as (edge, data):
        with data.store.write("test") as change:
            aliases.put(change, NewAlias(name="fast", models=("groq/llama-3.1-8b-instant",)))
        secret = issue(data.store).secret
        await data.seen()
        async with openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key=secret, max_retries=0) as client:
            await client.chat.completions.create(model="fast", messages=[{"role": "user", "content": "Hi"}])
        event = edge.responses()[0]
    assert (event.provider, event.model_requested) == ("groq", "fast")
    assert edge.provider.last.target == "/openai/v1/chat/completions"


async def test_a_projects_settings_keep_bodies_out_of_records(tmp_path: Path) -> None:
    async with edge_with_keys(tmp_path) as (edge, data):
        with data.store.write("test") as change:
            settings = SettingsPatch(omit_request=True, omit_response=True)
            projects.patch(change, "default", ProjectPatch(settings=settings))
        secret = issue(data.store).secret
        await data.seen()
        await call(edge, {"Authorization": f"Bearer {secret}"})
        event = edge.responses()[0]
    assert (event.request_body, event.response_body) == (None, None)
