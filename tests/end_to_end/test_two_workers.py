"""Two edge worker processes of one machine share rate limits, budgets and the cache."""

import asyncio
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import aiohttp

from tallygate.edge import worker
from tallygate.edge.budget import state_file
from tallygate.edge.budget.gate import Scope
from tallygate.infra.kafka.dev_broker import free_port
from tallygate.runtime.config import ProviderConfig, Settings
from tallygate.runtime.tasks import spawn
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import BudgetState
from tests.support.budgets import budget_state
from tests.support.edge import read_events
from tests.support.provider import Provider, Received, http, running_provider
from tests.support.redis_server import redis_server
from tests.support.wait import eventually

processes = multiprocessing.get_context("spawn")
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
CACHED = {"Tallygate-Cache-Enabled": "true"}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}


async def after_a_moment(received: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.3)
    writer.write(http(json.dumps(ANSWER).encode()))


@dataclass
class Workers:
    """Two workers, each at a port of its own, so that a test can choose."""

    provider: Provider
    client: aiohttp.ClientSession
    directory: Path
    urls: list[str] = field(default_factory=list)
    processes: list[BaseProcess] = field(default_factory=list)

    async def call(
        self, at: int, headers: Mapping[str, str], body: Any = CHAT
    ) -> tuple[int, Mapping[str, str], Any]:
        """A call to one of them."""
        url = self.urls[at % 2] + "/v1/chat/completions"
        async with self.client.post(url, json=body, headers=headers) as response:
            return response.status, response.headers, await response.json()

    async def calls(
        self, number: int, headers: Mapping[str, str]
    ) -> list[tuple[int, Mapping[str, str], Any]]:
        """Calls at once, half of them to each."""
        return await asyncio.gather(*(self.call(index, headers) for index in range(number)))

    def responses(self) -> list[ResponseEvent]:
        """What both recorded."""
        return [each for index in (0, 1) for each in read_events(self.directory / f"outbox/edge-{index}")[1]]


@asynccontextmanager
async def two_workers(directory: Path, **settings: Any) -> AsyncIterator[Workers]:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(running_provider(after_a_moment))
        timeout, connector = aiohttp.ClientTimeout(total=60), aiohttp.TCPConnector(limit=0)
        client = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout, connector=connector))
        workers = Workers(provider, client, directory)
        for index in (0, 1):
            port = free_port()
            own = Settings(
                data_dir=directory,
                edge_port=port,
                providers={"openai": ProviderConfig(base_url=f"{provider.url}/v1")},
                **settings,
            )
            process = processes.Process(target=worker.run, args=(own, index, {}), daemon=True)
            process.start()
            stack.callback(process.kill)
            workers.urls.append(f"http://127.0.0.1:{port}")
            workers.processes.append(process)
        for url in workers.urls:
            await eventually(lambda at=url: _ready(client, at))  # type: ignore[misc]
        yield workers


async def _ready(client: aiohttp.ClientSession, url: str) -> bool:
    async with client.get(url + "/readyz") as response:
        return response.status == 200


async def _in_flight(workers: Workers, at: int, number: int) -> bool:
    async with workers.client.get(workers.urls[at] + "/metrics") as response:
        return f'tallygate_edge_calls_in_flight{{worker="{at}"}} {number}.0' in await response.text()


async def test_of_500_calls_at_once_exactly_100_pass_a_limit_of_100(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as workers:
        answers = await workers.calls(500, {"Tallygate-RateLimit-Policy": "100;w=60"})
        assert Counter(status for status, _, _ in answers) == {200: 100, 429: 400}
        assert all(body["error"]["code"] == "rate_limited" for status, _, body in answers if status == 429)
        assert all("Retry-After" in headers for status, headers, _ in answers if status == 429)
        assert len(workers.provider.received) == 100
        assert Counter(event.outcome for event in workers.responses()) == {"ok": 100, "rejected": 400}


async def test_the_same_limit_through_redis(tmp_path: Path) -> None:
    with redis_server() as url:
        async with two_workers(tmp_path, limits={"store": "redis"}, redis={"url": url}) as workers:
            answers = await workers.calls(300, {"Tallygate-RateLimit-Policy": "100;w=60"})
            assert Counter(status for status, _, _ in answers) == {200: 100, 429: 200}


async def test_1000_identical_calls_at_once_make_one_call_to_the_provider(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as workers:
        answers = await workers.calls(1000, CACHED)
        assert all((status, body) == (200, ANSWER) for status, _, body in answers)
        assert Counter(headers["Tallygate-Cache"] for _, headers, _ in answers) == {"MISS": 1, "HIT": 999}
        assert len(workers.provider.received) == 1
        assert Counter(event.outcome for event in workers.responses()) == {"ok": 1, "cache_hit": 999}


async def test_the_same_flight_through_redis(tmp_path: Path) -> None:
    with redis_server() as url:
        async with two_workers(tmp_path, cache={"store": "redis"}, redis={"url": url}) as workers:
            answers = await workers.calls(300, CACHED)
            assert Counter(headers["Tallygate-Cache"] for _, headers, _ in answers) == {"MISS": 1, "HIT": 299}
            assert len(workers.provider.received) == 1


async def test_when_the_worker_that_makes_the_call_is_killed_the_other_takes_over(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as workers:
        stuck = asyncio.Event()

        async def first_never_ends(received: Received, writer: asyncio.StreamWriter) -> None:
            if len(workers.provider.received) == 1:
                await stuck.wait()
            await after_a_moment(received, writer)

        workers.provider.handler = first_never_ends
        leader = spawn(workers.call(0, CACHED), name="leader")
        await eventually(lambda: len(workers.provider.received) == 1)
        followers = [spawn(workers.call(1, CACHED), name="follower") for _ in range(20)]
        await eventually(lambda: _in_flight(workers, 1, 20))
        assert len(workers.provider.received) == 1
        begin = time.monotonic()
        workers.processes[0].kill()
        answers = await asyncio.gather(*followers)
        assert time.monotonic() - begin < 10
        assert [status for status, _, _ in answers] == [200] * 20
        assert len(workers.provider.received) == 2
        await asyncio.wait([leader])
        assert isinstance(leader.exception(), aiohttp.ClientError)


async def test_a_budget_that_is_used_up_stops_calls_at_both_and_lets_them_go_on(tmp_path: Path) -> None:
    def state(spent: int, version: int) -> BudgetState:
        scope = Scope("property", "growth", "team")
        return budget_state(scope, name="Growth team", limit=1_000, spent=spent, version=version)

    async with two_workers(tmp_path) as workers:
        team = {"Tallygate-Property-Team": "growth"}

        async def statuses() -> list[int]:
            return [(await workers.call(at, team))[0] for at in (0, 1)]

        async def become(status: int) -> bool:
            return await statuses() == [status] * 2

        path = tmp_path / "budgets.json"
        state_file.write(path, 1, [state(999, 1)])
        assert await statuses() == [200, 200]
        state_file.write(path, 2, [state(1_000, 2)])
        await eventually(lambda: become(402))
        _, _, body = await workers.call(0, team)
        assert body["error"]["code"] == "budget_exceeded"
        assert "'Growth team'" in body["error"]["message"]
        assert (await workers.call(0, {"Tallygate-Property-Team": "sales"}))[0] == 200
        path.write_text("{")
        assert (await workers.call(1, team))[0] == 402
        state_file.write(path, 3, [state(0, 3)])
        await eventually(lambda: become(200))
