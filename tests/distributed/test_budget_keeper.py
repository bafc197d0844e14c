"""`tallygate budgets` against a real Kafka: each alert once, whoever is killed; budgets for the edges."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tallygate.edge.budget.gate import Blocked, BudgetCall, MemoryBudgetGate
from tallygate.edge.budget.state_file import BudgetFile
from tallygate.edge.shipper.budgets import BudgetFollower
from tallygate.runtime.compacted import read_all
from tallygate.runtime.config import KafkaConfig, Settings
from tallygate.runtime.messages import Message, Place
from tallygate.runtime.publisher import Publisher
from tallygate.runtime.tasks import spawn
from tallygate.schemas.codec import encode
from tallygate.schemas.records import Alert, BudgetState, RuleState
from tallygate.schemas.rules import RuleBook
from tallygate.schemas.topics import BUDGETS, RULE_STATES
from tallygate.stream_processors.budget_keeper.codec import latest
from tallygate.stream_processors.budget_keeper.keeper import TRANSACTIONAL_ID, BudgetKeeper
from tallygate.stream_processors.rules import encode_key, key_of
from tests.distributed.keeper_process import LIMIT, RULE, RULES, STEPS_LIMIT
from tests.stream_processors.budgets.sums import book, totals
from tests.support.environment import environment_of
from tests.support.kafka_broker import read_records
from tests.support.processes import Started
from tests.support.wait import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


class Sums:
    """Publishes what a partition's worker has counted."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def __call__(self, requests: int, partition: int = 0) -> None:
        each = totals(RULE, time.time_ns() // 1000, requests=requests, partition=partition)
        message = Message(encode_key(key_of(each)), encode(each))
        await self._publisher.publish({Place("llm.rule_totals", partition): [message]})


@asynccontextmanager
async def sums_of(config: KafkaConfig) -> AsyncIterator[Sums]:
    publisher = Publisher(config, client_id="test", transactional_id="tallygate-usage-test")
    yield Sums(publisher)
    await publisher.close()


@asynccontextmanager
async def keeping(config: KafkaConfig, rules: Callable[[], RuleBook] = lambda: RULES) -> AsyncIterator[None]:
    """A keeper in this process."""
    stop = asyncio.Event()
    running = spawn(BudgetKeeper(config, rules).run(stop), name="keeper")
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)


async def alerts(config: KafkaConfig) -> list[Alert]:
    return [alert for _, alert in await read_records(config, "llm.alerts", Alert)]


async def percents(config: KafkaConfig) -> list[int]:
    return [alert.threshold_percent for alert in await alerts(config)]


async def until_percents(config: KafkaConfig, wanted: list[int]) -> None:
    async def told() -> bool:
        return await percents(config) == wanted

    try:
        await eventually(told, every_s=0.2)
    except AssertionError:
        assert await percents(config) == wanted


async def test_sums_of_all_partitions_cross_once_and_a_restart_tells_nothing(settings: Settings) -> None:
    config = settings.kafka
    async with sums_of(config) as publish:
        async with keeping(config):
            await publish(LIMIT // 2, partition=0)
            await publish(LIMIT // 2 - 1, partition=2)
            await until_percents(config, [50])
            await publish(LIMIT // 2, partition=2)
            await until_percents(config, [50, 100])
        for _ in range(2):
            async with keeping(config):
                await publish(LIMIT, partition=0)
                await asyncio.sleep(0.5)
        assert await percents(config) == [50, 100]
        told = await read_all(config, [RULE_STATES, BUDGETS])
        (state,) = latest(told, RULE_STATES, RuleState)
        assert {firing.percent for firing in state.firings} == {50, 100}
        (budget,) = latest(told, BUDGETS, BudgetState)
        assert (budget.spent, budget.limit) == (LIMIT + LIMIT // 2, LIMIT)


async def test_budgets_come_to_the_edges_file_and_leave_it(settings: Settings, tmp_path: Path) -> None:
    config = settings.kafka
    in_force = [RULES]
    path, gate = tmp_path / "budgets.json", MemoryBudgetGate()
    watched = BudgetFile(path, gate)
    following = spawn(BudgetFollower(config, path).run(), name="follower")

    def blocks() -> bool:
        watched.look()
        return isinstance(gate.check(BudgetCall("default"), time.time_ns() // 1000), Blocked)

    async with sums_of(config) as publish, keeping(config, lambda: in_force[0]):
        await publish(LIMIT - 1)
        await until_percents(config, [50])
        assert not blocks()
        begun_s = time.monotonic()
        await publish(LIMIT)
        await eventually(blocks, every_s=0.01)
        print(f"blocked after {time.monotonic() - begun_s:.2f} s")
        in_force[0] = book(version=2)
        await eventually(lambda: not blocks())
    following.cancel()
    await asyncio.wait([following])


async def test_one_evaluates_the_others_stand_by_and_take_over(settings: Settings) -> None:
    config = settings.kafka
    async with sums_of(config) as publish:
        processes = [_started(settings, name) for name in ("first", "second")]
        await publish(LIMIT // 2)
        await until_percents(config, [50])
        leading = [process for process in processes if "evaluates the rules" in process.tail()]
        assert len(leading) == 1
        leading[0].kill()
        await publish(LIMIT)
        await until_percents(config, [50, 100])
        for process in processes:
            if process is not leading[0]:
                assert process.stop() == 0, process.tail()


async def test_one_that_was_fenced_off_writes_nothing_more_and_begins_anew(settings: Settings) -> None:
    config = settings.kafka
    async with sums_of(config) as publish, keeping(config):
        await publish(LIMIT // 2)
        await until_percents(config, [50])
        other = Publisher(config, client_id="other", transactional_id=TRANSACTIONAL_ID)
        await other.open()
        await other.close()
        await publish(LIMIT)
        await until_percents(config, [50, 100])


async def test_each_step_is_told_once_whenever_it_is_killed(settings: Settings) -> None:
    seed = 20261125
    chance = random.Random(seed)
    config = settings.kafka
    count = 0
    async with sums_of(config) as publish:
        for _ in range(8):
            process = _started(settings, "steps", "steps")
            until_s = time.monotonic() + chance.uniform(3.0, 6.0)
            while time.monotonic() < until_s:
                count += 1
                await publish(count)
            process.kill()
        process = _started(settings, "last", "steps")
        wanted = sorted(percent for percent in range(1, 101) if count * 100 >= percent * STEPS_LIMIT)

        async def told() -> bool:
            evaluates = "evaluates the rules" in process.tail()
            return evaluates and len(await percents(config)) >= len(wanted)

        await eventually(told, every_s=0.3)
        assert process.stop() == 0, process.tail()
    print(f"seed {seed}: {count} sums, {len(wanted)} alerts")
    assert sorted(await percents(config)) == wanted
    assert len({alert.alert_id for alert in await alerts(config)}) == len(wanted)


def _started(settings: Settings, name: str, book_name: str = "rules") -> Started:
    command = [sys.executable, "-m", "tests.distributed.keeper_process", book_name]
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return Started(command, environment_of(settings), settings.data_dir / f"{name}.log")
