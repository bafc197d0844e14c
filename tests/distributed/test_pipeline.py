"""Outbox to ClickHouse, all processes real: whatever is killed, every call is there once, at its price."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tallygate.infra.kafka.dev_broker import DevBroker
from tallygate.runtime.config import Settings
from tallygate.runtime.messages import Message, Place
from tallygate.runtime.publisher import Publisher
from tallygate.schemas.records import DeadLetter
from tests.support.distributed_system import MODULES, ClickHouse, System
from tests.support.kafka_broker import read_records
from tests.support.outboxes import loaded
from tests.support.wait import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.chdb, pytest.mark.timeout(300)]

FROZEN_S = 5.0
"""Longer than the session time-out of these tests."""


@pytest.fixture
def system(settings: Settings, tmp_path: Path) -> Iterator[System]:
    """All processes, started."""
    clickhouse = ClickHouse(tmp_path)
    clickhouse.start()
    with ExitStack() as stack:
        stack.callback(clickhouse.kill)
        system = System(settings.model_copy(update={"clickhouse": clickhouse.config}), clickhouse, stack)
        for name in MODULES:
            system.start(name)
        yield system


async def test_every_process_killed_in_turn_under_load(system: System, broker: DevBroker) -> None:
    async with loaded(system.outbox, 200):
        system.add_requests(100)
        await eventually(lambda: asyncio.to_thread(system.clickhouse.held))
        await system.progress()
        for name in ("sink", "worker", "shipper"):
            system.processes[name].kill()
            system.start(name)
            await system.progress()
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        system.add_requests(100)
    await system.assert_exact()


async def test_clickhouse_and_kafka_away_for_a_while(system: System, broker: DevBroker) -> None:
    publisher = Publisher(system.settings.kafka, client_id="test")
    await publisher.publish({Place("llm.calls", 0): [Message(None, b"no call")]})
    await publisher.close()
    async with loaded(system.outbox, 200):
        system.add_requests(10)
        await eventually(lambda: asyncio.to_thread(system.clickhouse.held))
        await asyncio.to_thread(system.clickhouse.kill)
        await eventually(lambda: "again in" in system.processes["sink"].tail())
        await asyncio.to_thread(system.clickhouse.start)
        await system.progress()
        await asyncio.to_thread(broker.stop)
        await eventually(lambda: "again in" in system.processes["shipper"].tail())
        await asyncio.to_thread(broker.start)
        await system.progress()
    await system.assert_exact()
    letters = await read_records(system.settings.kafka, "llm.deadletter", DeadLetter)
    # Of the sink and of the worker, who both read it, and of each again if the broker's end made it repeat.
    assert {(letter.source, letter.offset) for _, letter in letters} == {("llm.calls", 0)}
    assert len(letters) >= 2
    assert {name: process.exit_code for name, process in system.processes.items()} == dict.fromkeys(MODULES)
    assert [process.stop() for process in system.processes.values()] == [0, 0, 0]


async def test_a_frozen_sink_and_worker_that_were_replaced_count_nothing_twice(system: System) -> None:
    async with loaded(system.outbox, 200):
        await eventually(lambda: asyncio.to_thread(system.clickhouse.held))
        await system.progress()
        frozen = [system.processes["sink"], system.processes["worker"]]
        for process in frozen:
            process.pause()
        system.start("sink", "-2")
        system.start("worker", "-2")
        await system.progress()
        await asyncio.sleep(FROZEN_S)
        for process in frozen:
            process.resume()
        await system.progress()
    await system.assert_exact()
