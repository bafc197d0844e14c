"""Saved queries: kept in the control store, each project's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tallygate.control.errors import ConflictError, NotFoundError, StoreUnavailableError
from tallygate.control.open import open_store
from tallygate.control.store import saved_queries
from tallygate.control.store.database import ControlStore
from tests.support.api import Api, running_api
from tests.support.chdb_engine import migrated_target
from tests.support.control import settings_for

PATH = "/api/v1/sql/queries"


@asynccontextmanager
async def running(store: Any) -> AsyncIterator[Api]:
    """The API over a store."""
    async with running_api(migrated_target(), store=store) as api:
        yield api


@pytest.fixture
def store(tmp_path: Path) -> ControlStore:
    """A new store."""
    return open_store(settings_for(tmp_path))


async def save(api: Api, body: Any, status: int = 200) -> Any:
    """PUT a query."""
    async with api.client.put(PATH, json=body) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def test_saved_replaced_listed_and_forgotten(store: ControlStore) -> None:
    async with running(lambda: store) as api:
        assert await api.get(PATH) == {"queries": []}
        first = await save(api, {"name": " b ", "query": "SELECT 1", "parameters": {"x": [1, None]}})
        await save(api, {"name": "a", "query": "SELECT ';'"})
        again = await save(api, {"name": "b", "query": "SELECT 2"})
        told = (await api.get(PATH))["queries"]
        async with api.client.delete(f"{PATH}/{first['id']}") as response:
            assert response.status == 204
        async with api.client.delete(f"{PATH}/{first['id']}") as response:
            assert (response.status, (await response.json())["error"]["code"]) == (404, "not_found")
        assert [each["name"] for each in (await api.get(PATH))["queries"]] == ["a"]
    assert first["parameters"] == {"x": [1, None]}
    assert first["id"] == again["id"]
    assert [(each["name"], each["query"], each["parameters"]) for each in told] == [
        ("a", "SELECT ';'", {}),
        ("b", "SELECT 2", {}),
    ]
    assert told[0]["saved_by"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "", "query": "x"}, "name"),
        ({"name": " ", "query": "x"}, "name"),
        ({"name": "a\nb", "query": "x"}, "name"),
        ({"name": "x" * 201, "query": "x"}, "name"),
        ({"name": "x", "query": ""}, "query"),
        ({"name": "x", "query": "x" * 65_537}, "query"),
        ({"name": "x", "query": "x", "project": "other"}, "project"),
        ({"name": "x", "query": "x", "parameters": []}, "parameters"),
    ],
)
async def test_what_can_not_be_saved_is_named(store: ControlStore, body: Any, param: str) -> None:
    async with running(lambda: store) as api:
        assert (await save(api, body, 400))["error"]["param"] == param


async def test_queries_of_others_are_not_there(store: ControlStore) -> None:
    with store.write("test") as change:
        from tallygate.control.specs import NewProject
        from tallygate.control.store import projects

        projects.create(change, NewProject(id="other", name="Other"))
        theirs = saved_queries.put(change, "other", "secret", "SELECT 'secret'", {}).id
    async with running(lambda: store) as api:
        await save(api, {"name": "secret", "query": "mine"})
        assert [each["query"] for each in (await api.get(PATH))["queries"]] == ["mine"]
        async with api.client.delete(f"{PATH}/{theirs}") as response:
            assert response.status == 404
    with store.read() as session:
        assert [row.query for row in saved_queries.listed(session, "other")] == ["SELECT 'secret'"]


async def test_a_store_that_is_down_or_missing_is_told() -> None:
    def down() -> ControlStore:
        raise StoreUnavailableError("down")

    for store in (down, None):
        async with running(store) as api:
            assert (await api.get(PATH, status=503))["error"]["code"] == "store_unavailable"


def test_a_project_has_so_many_and_must_be_there(
    store: ControlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_queries, "MAX_IN_PROJECT", 1)
    with store.write("test") as change:
        saved_queries.put(change, "default", "a", "1", {})
        saved_queries.put(change, "default", "a", "2", {})
    with pytest.raises(ConflictError), store.write("test") as change:
        saved_queries.put(change, "default", "b", "1", {})
    with pytest.raises(NotFoundError), store.write("test") as change:
        saved_queries.put(change, "none", "b", "1", {})
