"""The Faust worker against a real Kafka: exact totals through kills, rebalances and bad records."""

import base64
import time
from collections import Counter

import pytest

from tallygate.control.open import open_store
from tallygate.infra.dead_letters import of_kafka
from tallygate.runtime.config import Settings
from tallygate.runtime.messages import Message, Place
from tallygate.runtime.publisher import Publisher
from tallygate.schemas.codec import decode, encode
from tallygate.schemas.records import DeadLetter
from tallygate.schemas.totals import RuleTotals
from tests.support.accounts import expected_totals, priced_calls, published_totals
from tests.support.control import add_rule
from tests.support.environment import environment_of
from tests.support.factories import response_event
from tests.support.kafka_broker import read_records, read_topic
from tests.support.outboxes import FilledOutbox, loaded
from tests.support.processes import Started, start_run
from tests.support.wait import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

SHIPPER = "tallygate.edge.shipper"
WORKER = "tallygate.stream_processors.faust_worker.process"
RULED_WORKER = "tallygate.infra.worker"


def start(settings: Settings, module: str, name: str) -> Started:
    return start_run(module, environment_of(settings), settings.data_dir / f"{name}.log")


async def assert_totals(settings: Settings, outbox: FilledOutbox) -> None:
    """Every call is priced, and every total is exact and stays so."""
    wanted = expected_totals(outbox.responses)

    async def complete() -> bool:
        return await published_totals(settings.kafka) == wanted

    try:
        await eventually(complete, every_s=0.3)
    except AssertionError:
        assert await published_totals(settings.kafka) == wanted
    assert set(await priced_calls(settings.kafka)) == {
        (event.origin.edge_id, event.origin.seq) for event in outbox.responses
    }


async def test_calls_are_priced_and_totalled(settings: Settings) -> None:
    outbox = FilledOutbox(settings.outbox_dir)
    outbox.add_all(response_event() for _ in range(500))
    with start(settings, SHIPPER, "shipper"), start(settings, WORKER, "worker") as worker:
        await assert_totals(settings, outbox)
        outbox.add_all(response_event() for _ in range(50))
        await assert_totals(settings, outbox)
        assert worker.stop() == 0


async def test_bad_records_are_dead_lettered_and_the_rest_goes_on(settings: Settings) -> None:
    outbox = FilledOutbox(settings.outbox_dir)
    outbox.add_all(response_event() for _ in range(20))
    publisher = Publisher(settings.kafka, client_id="test")
    bad = [b"no json", b'{"event": "llm.response"}', b"\xff\xfe"]
    value = b"\n".join([bad[0], bad[1]])
    await publisher.publish(
        {
            Place("llm.responses", 1): [Message(None, value), Message(None, bad[2]), Message(None, b"")],
            Place("llm.calls", 2): [Message(None, encode(response_event()))],
        }
    )
    await publisher.close()
    with start(settings, SHIPPER, "shipper"), start(settings, WORKER, "worker") as worker:
        await assert_totals(settings, outbox)

        async def letters() -> list[DeadLetter]:
            found = await read_records(settings.kafka, "llm.deadletter", DeadLetter)
            return [letter for _, letter in found]

        async def all_letters() -> bool:
            return len(await letters()) == 4

        await eventually(all_letters)
        listed = await of_kafka(settings.kafka, 3)
        assert len(listed) == 3
        assert [letter.failed_at_us for letter in listed] == sorted(
            (letter.failed_at_us for letter in listed), reverse=True
        )
        found = [(letter.source, letter.partition, letter.payload) for letter in await letters()]
        for line in bad:
            assert ("llm.responses", 1, base64.b64encode(line).decode()) in found
        assert worker.exit_code is None


async def test_kills_of_the_worker_leave_exact_totals(settings: Settings) -> None:
    outbox = FilledOutbox(settings.outbox_dir)
    with start(settings, SHIPPER, "shipper"):
        for _ in range(3):
            outbox.add_all(response_event() for _ in range(1500))
            before = sum(account.requests for account in (await published_totals(settings.kafka)).values())
            with start(settings, WORKER, "worker") as worker:

                async def some_more(before: int = before) -> bool:
                    found = await published_totals(settings.kafka)
                    return sum(account.requests for account in found.values()) > before

                await eventually(some_more)
                worker.kill()
        with start(settings, WORKER, "worker"):
            await assert_totals(settings, outbox)


async def test_one_of_two_workers_killed(settings: Settings) -> None:
    outbox = FilledOutbox(settings.outbox_dir)
    with start(settings, SHIPPER, "shipper"), start(settings, WORKER, "first") as first:
        async with loaded(outbox, 200):
            await eventually(lambda: "totals read" in first.tail(100_000))
            with start(settings, WORKER, "second") as second:
                await eventually(lambda: "totals read" in second.tail(100_000))
                second.kill()
        await assert_totals(settings, outbox)
        assert first.exit_code is None


@pytest.mark.timeout(300)
async def test_what_rules_count_is_exact_through_kills_and_rebalances(settings: Settings) -> None:
    store = open_store(settings)
    by_user = add_rule(store, group_by="user", window={"kind": "calendar", "period": "month"})
    store.close()
    outbox = FilledOutbox(settings.outbox_dir)

    def add(calls: int) -> None:
        now_us = time.time_ns() // 1000
        outbox.add_all(response_event(received_at_us=now_us) for _ in range(calls))

    async def counted() -> dict[str, int]:
        """Requests by user, over all partitions."""
        latest = {
            (found.partition, found.key): found.value
            for found in await read_topic(settings.kafka, "llm.rule_totals")
        }
        lines = [decode(RuleTotals, value) for value in latest.values() if value is not None]
        sums: Counter[str] = Counter()
        for line in lines:
            if line.progress is None and line.rule_id == by_user.rule_id:
                sums[line.group] += line.requests
        return dict(sums)

    async def some_more(than: int) -> bool:
        return sum((await counted()).values()) > than

    with start(settings, SHIPPER, "shipper"):
        with start(settings, RULED_WORKER, "first") as first:
            add(1000)
            await eventually(lambda: some_more(0), within_s=60)
            with start(settings, RULED_WORKER, "second") as second:
                await eventually(lambda: "totals read" in second.tail(100_000), within_s=60)
                add(1000)
                await eventually(lambda: some_more(1000), within_s=60)
                second.kill()
            add(500)
            first.kill()
        with start(settings, RULED_WORKER, "third") as third:
            await assert_totals(settings, outbox)
            wanted = Counter(response.user_id for response in outbox.responses)

            async def complete() -> bool:
                return await counted() == wanted

            await eventually(complete, within_s=30, every_s=0.3)
            assert third.stop() == 0
