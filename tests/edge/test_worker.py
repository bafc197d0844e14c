"""A worker process: kills in the middle of calls, clean stops, mistakes in its configuration."""

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import aiohttp
import pytest

from tallygate.edge import worker
from tallygate.edge.outbox.writer import OutboxBusyError, OutboxWriter
from tallygate.runtime.config import ConfigError, ProviderConfig, Settings
from tallygate.runtime.tasks import spawn
from tests.support.edge import read_events
from tests.support.provider import SSE_HEAD, Provider, Received, chunk, http, running_provider
from tests.support.wait import eventually

processes = multiprocessing.get_context("spawn")

USAGE = b'data: {"model":"gpt-4o","choices":[],"usage":{"prompt_tokens":3}}\n\n'
DONE = b"data: [DONE]\n\n"


async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
    """Plain answers and streams, each after a moment."""
    await asyncio.sleep(0.02)
    if json.loads(received.body).get("stream"):
        writer.write(SSE_HEAD)
        for event in (b'data: {"choices":[{}]}\n\n', USAGE, DONE):
            writer.write(chunk(event))
            await asyncio.sleep(0.005)
        writer.write(chunk(b""))
    else:
        writer.write(http(b'{"model":"gpt-4o","usage":{"prompt_tokens":3}}'))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings_for(provider: Provider, directory: Path, port: int) -> Settings:
    return Settings(
        data_dir=directory,
        edge_port=port,
        providers={"openai": ProviderConfig(base_url=f"{provider.url}/v1")},
    )


class Running:
    """A worker process."""

    def __init__(self, settings: Settings, provider: Provider) -> None:
        self._settings = settings
        self.provider = provider
        self.url = f"http://127.0.0.1:{settings.edge_port}"
        self.outbox_dir = settings.outbox_dir / "edge-0"
        self.process: BaseProcess

    async def start(self) -> None:
        self.process = processes.Process(target=worker.run, args=(self._settings, 0, {}), daemon=True)
        self.process.start()
        await eventually(self._ready)

    async def _ready(self) -> bool:
        async with aiohttp.ClientSession() as client, client.get(self.url + "/readyz") as response:
            return response.status == 200

    async def kill(self) -> None:
        self.process.kill()
        await asyncio.to_thread(self.process.join, 10)


@asynccontextmanager
async def running_worker(directory: Path) -> AsyncIterator[Running]:
    async with running_provider(answer) as provider:
        running = Running(settings_for(provider, directory, free_port()), provider)
        await running.start()
        try:
            yield running
        finally:
            if running.process.is_alive():
                await running.kill()


async def call(client: aiohttp.ClientSession, url: str, stream: bool, answered: set[str]) -> None:
    """One call; its id is noted once the caller would take the answer for complete."""
    request_id = str(uuid.uuid4())
    body = {"model": "gpt-4o", "messages": [], "stream": stream}
    headers = {"Tallygate-Request-Id": request_id}
    try:
        async with client.post(url + "/v1/chat/completions", json=body, headers=headers) as response:
            got = b""
            async for data in response.content.iter_any():
                got += data
                if stream and DONE in got:
                    answered.add(request_id)
            if response.status == 200:
                answered.add(request_id)
    except aiohttp.ClientError:
        return


async def test_every_answered_call_is_on_disk_whenever_the_worker_is_killed(tmp_path: Path) -> None:
    answered: set[str] = set()
    async with running_worker(tmp_path) as running, aiohttp.ClientSession() as client:
        for round_number in range(3):
            tasks = [
                spawn(call(client, running.url, index % 2 == 0, answered), name="call")
                for index in range(150)
            ]
            target = len(answered) + 40
            await eventually(lambda wanted=target: len(answered) >= wanted)  # type: ignore[misc]
            await running.kill()
            await asyncio.gather(*tasks)
            if round_number < 2:
                await running.start()
        requests, responses = read_events(running.outbox_dir)
    recorded = {event.request_id for event in responses if event.outcome == "ok"}
    assert len(answered) >= 120
    assert answered <= recorded
    assert len({event.event_id for event in responses}) == len(responses)
    assert {event.request_id for event in responses} <= {event.request_id for event in requests}
    sequence = [event.origin.seq for event in responses]
    assert sequence == sorted(set(sequence))


async def test_a_stop_waits_for_calls_in_flight(tmp_path: Path) -> None:
    answered: set[str] = set()
    async with running_worker(tmp_path) as running, aiohttp.ClientSession() as client:
        tasks = [spawn(call(client, running.url, True, answered), name="call") for _ in range(30)]
        await eventually(lambda: len(running.provider.received) == 30)
        os.kill(running.process.pid or 0, signal.SIGTERM)
        await asyncio.gather(*tasks)
        await asyncio.to_thread(running.process.join, 10)
        assert running.process.exitcode == 0
        _, responses = read_events(running.outbox_dir)
    assert len(answered) == 30
    assert [event.outcome for event in responses] == ["ok"] * 30


def test_a_configuration_that_is_not_safe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="edge_host"):
        worker.run(Settings(data_dir=tmp_path, edge_host="0.0.0.0"), 0, {})
    assert not (tmp_path / "outbox").exists()


def test_two_workers_of_one_number_are_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    outbox = OutboxWriter(settings.outbox_dir / "edge-0")
    with pytest.raises(OutboxBusyError):
        worker.run(settings, 0, {})
    outbox.close()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(data_dir=tmp_path, edge_port=taken.getsockname()[1])
        with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
            worker.run(settings, 0, {})
    OutboxWriter(settings.outbox_dir / "edge-0").close()  # the lock is free again
