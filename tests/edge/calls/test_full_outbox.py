"""A full outbox, as callers see it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tallygate.runtime.tasks import spawn
from tests.support.edge import Edge, running_edge
from tests.support.provider import Received, answering, http
from tests.support.small_disk import filled, small_disk
from tests.support.wait import eventually

CHAT = {"model": "gpt-4o", "messages": ["x" * 5_000]}


def full(policy: str) -> dict[str, Any]:
    return {"outbox": {"segment_bytes": 4096, "quota_bytes": 131_072, "full_policy": policy}}


async def call_until_full(edge: Edge, calls: int = 60) -> list[tuple[int, bytes]]:
    return [await edge.post("/v1/chat/completions", CHAT) for _ in range(calls)]


async def test_drop_goes_on_serving(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http()), **full("drop")) as edge:
        replies = await call_until_full(edge)
        assert {status for status, _ in replies} == {200}
        assert len(edge.responses()) < 60
        async with edge.client.get(edge.url + "/readyz") as response:
            assert response.status == 200
        async with edge.client.get(edge.url + "/metrics") as response:
            assert 'outbox_dropped_total{topic="llm.responses",worker="0"}' in await response.text()


async def test_refuse_calls_no_provider_whose_call_could_not_be_recorded(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http()), **full("refuse")) as edge:
        replies = await call_until_full(edge)
        served = sum(status == 200 for status, _ in replies)
        status, body = replies[-1]
        assert (status, json.loads(body)["error"]["code"]) == (503, "outbox_full")
        assert 0 < served < 60
        assert len(edge.provider.received) == served
        assert sum(event.outcome == "ok" for event in edge.responses()) == served
        async with edge.client.get(edge.url + "/readyz") as response:
            assert response.status == 503


@pytest.mark.parametrize("policy", ["drop", "refuse"])
async def test_a_refused_call_is_answered_even_then(policy: str, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http()), **full(policy)) as edge:
        await call_until_full(edge)
        status, body = await edge.post("/v1/chat/completions", {"model": "no-such-model"})
        assert (status, json.loads(body)["error"]["code"]) == (404, "model_not_found")


async def test_refuse_records_calls_in_flight_when_the_disk_gets_full(tmp_path: Path) -> None:
    """What was let through finds the room that was set aside for it, though nothing else does."""
    go_on = asyncio.Event()

    async def provider(_received: Received, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(http())

    with small_disk(tmp_path / "disk", 8192) as disk:
        async with running_edge(disk, provider, outbox={"full_policy": "refuse"}) as edge:
            calls = [spawn(edge.post("/v1/chat/completions", CHAT), name="call") for _ in range(20)]
            await eventually(lambda: len(edge.provider.received) == 20)
            with filled(disk):
                go_on.set()
                assert [status for status, _ in await asyncio.gather(*calls)] == [200] * 20
                replies = await call_until_full(edge, calls=400)
                assert replies[-1][0] == 503
            served = 20 + sum(status == 200 for status, _ in replies)
            assert sum(event.outcome == "ok" for event in edge.responses()) == served
            status, _ = await edge.post("/v1/chat/completions", CHAT)
            assert status == 200
