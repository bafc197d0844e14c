"""How rules stand, by what Kafka has of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tallygate.analytics.reports.budgets import NotYetError
from tallygate.infra.standing import KafkaLedger
from tallygate.runtime.config import KafkaConfig, Settings
from tallygate.runtime.messages import Message, Place
from tallygate.runtime.publisher import Publisher
from tallygate.runtime.tasks import spawn
from tallygate.schemas.codec import encode
from tallygate.schemas.rules import RuleBook, by_project
from tallygate.stream_processors.rules import encode_key, key_of
from tests.stream_processors.budgets.sums import USD, rule, totals
from tests.support.wait import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
RULE = rule()
BOOK = RuleBook(rules=by_project([RULE]))


@asynccontextmanager
async def following(config: KafkaConfig) -> AsyncIterator[KafkaLedger]:
    ledger = KafkaLedger(config, lambda: BOOK)
    task = spawn(ledger.run(), name="ledger")
    try:
        yield ledger
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until_value(ledger: KafkaLedger, value: int) -> None:
    def there() -> bool:
        with suppress(NotYetError):
            return [group.value for group in ledger("default")[0].groups] == [value]
        return False

    await eventually(there)


async def test_sums_of_all_partitions_and_those_that_are_gone(settings: Settings) -> None:
    publisher = Publisher(settings.kafka, client_id="test", transactional_id="tallygate-usage-test")

    async def publish(partition: int, cost_nanos: int, *, gone: bool = False) -> None:
        each = totals(RULE, time.time_ns() // 1000, cost_nanos=cost_nanos, partition=partition)
        message = Message(encode_key(key_of(each)), None if gone else encode(each))
        await publisher.publish({Place("llm.rule_totals", partition): [message]})

    await publish(0, 2 * USD)
    await publish(2, 3 * USD)
    async with following(settings.kafka) as ledger:
        with pytest.raises(NotYetError):
            ledger("default")
        await until_value(ledger, 5 * USD)
        await publish(0, 4 * USD)
        await until_value(ledger, 7 * USD)
        await publish(2, 0, gone=True)
        await until_value(ledger, 4 * USD)
        assert ledger("other") == []
    async with following(settings.kafka) as ledger:
        await until_value(ledger, 4 * USD)
    await publisher.close()


async def test_a_broker_that_is_away_is_no_empty_list(settings: Settings) -> None:
    nowhere = settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    async with following(nowhere) as ledger:
        await asyncio.sleep(0.2)
        with pytest.raises(NotYetError):
            ledger("default")
