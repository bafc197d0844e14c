"""The query API in the test process, over a chDB database of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from tallygate.analytics.app import build_app
from tallygate.runtime.clickhouse import Target
from tallygate.schemas.events import RequestEvent
from tallygate.schemas.records import Alert, Call
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed
from tests.support.chdb_engine import migrated_target


class Api:
    """A client of a running API."""

    def __init__(self, client: TestClient[Any, Any], target: Target) -> None:
        self.client = client
        self.target = target

    async def get(self, path: str, *pairs: tuple[str, str], status: int = 200) -> Any:
        """GET, and its JSON; fails on another status."""
        async with self.client.get(path, params=list(pairs)) as response:
            return await _json(response, status)

    async def post(self, path: str, body: Any, *, status: int = 200) -> Any:
        """POST JSON, and the answer's JSON; fails on another status."""
        async with self.client.post(path, json=body) as response:
            return await _json(response, status)

    async def sql(self, query: str, parameters: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        """Run a query, and return the answer's JSON; fails on another status."""
        body = {"query": query} | ({} if parameters is None else {"parameters": parameters})
        return await self.post("/api/v1/sql", body, status=status)

    async def rows(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        """Rows of a query."""
        return (await self.sql(query, parameters))["rows"]

    async def refused(self, query: str, parameters: dict[str, Any] | None = None) -> str:
        """The code with which a query is refused."""
        answer = await self.sql(query, parameters, status=400)
        assert answer["error"]["type"] == "tallygate_error"
        assert answer["error"]["message"]
        return str(answer["error"]["code"])


async def _json(response: ClientResponse, status: int) -> Any:
    text = await response.text()
    assert response.status == status, f"{response.status} {text[:500]}"
    return await response.json()


def stored(
    calls: Sequence[Call],
    requests: Sequence[RequestEvent] = (),
    target: Target | None = None,
    *,
    alerts: Sequence[Alert] = (),
) -> Target:
    """A database with these calls, numbered as their origin is."""
    target = target or migrated_target()
    store = ClickHouseStore(target)
    store.insert_calls(0, [Placed(call.origin.seq, call) for call in calls])
    store.insert_requests(0, [Placed(event.origin.seq, event) for event in requests])
    store.insert_alerts(alerts)
    store.close()
    return target


@asynccontextmanager
async def running_api(target: Target | None = None, **options: Any) -> AsyncIterator[Api]:
    """Serve a database; an empty one by default."""
    target = target or migrated_target()
    async with TestClient(TestServer(build_app(target, **options))) as client:
        yield Api(client, target)
