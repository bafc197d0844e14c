"""`tallygate notify`: real processes on Kafka and PostgreSQL, one receiver that verifies signatures."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from tallygate.control.open import open_store
from tallygate.control.records import Delivery
from tallygate.control.store import deliveries as stored
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import ControlConfig, Settings
from tallygate.runtime.messages import Message, Place, partition_of
from tallygate.runtime.publisher import Publisher
from tallygate.schemas.codec import encode
from tallygate.schemas.records import Alert, Call
from tallygate.schemas.topics import ALERTS, CALLS
from tests.stream_processors.notify.alerts import alert
from tests.support import postgres as support
from tests.support.control import add_channel, add_hook, now_us
from tests.support.environment import environment_of
from tests.support.factories import call
from tests.support.processes import Started, start_run
from tests.support.receiver import Receiver, receiving
from tests.support.wait import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

MASTER_KEY = "dGhpcyBpcyBhIG1hc3RlciBrZXkgZm9yIHRlc3RzISE="


@pytest.fixture(scope="module")
def postgres() -> Iterator[support.Postgres]:
    """A server for these tests."""
    if (reason := support.unavailable()) is not None:
        pytest.skip(reason)
    with support.running_postgres() as server:
        yield server


@pytest.fixture
def shared(settings: Settings, postgres: support.Postgres) -> Settings:
    """Settings that the notifiers share: Kafka, PostgreSQL and the master key."""
    control = ControlConfig(dsn=SecretStr(postgres.new_database()))
    return settings.model_copy(update={"control": control, "master_key": SecretStr(MASTER_KEY)})


@pytest.fixture
def store(shared: Settings) -> Iterator[ControlStore]:
    """The control store."""
    opened = open_store(shared)
    yield opened
    opened.close()


@pytest.fixture
async def publisher(shared: Settings) -> AsyncIterator[Publisher]:
    """Writes alerts and calls."""
    made = Publisher(shared.kafka, client_id="test")
    yield made
    await made.close()


def notifier(shared: Settings, directory: Path, number: int) -> Started:
    """A process."""
    assert shared.control.dsn is not None
    env = {
        **environment_of(shared),
        "TALLYGATE_DATA_DIR": str(directory / f"notify-{number}"),
        "TALLYGATE_CONTROL__DSN": shared.control.dsn.get_secret_value(),
        "TALLYGATE_MASTER_KEY": MASTER_KEY,
        "TALLYGATE_NOTIFY__ALLOW_PRIVATE": '["127.0.0.0/8"]',
        "TALLYGATE_NOTIFY__TIMEOUT_S": "1",
    }
    return start_run("tallygate.infra.notify", env, directory / f"notify-{number}.log")


@asynccontextmanager
async def notifiers(shared: Settings, directory: Path, count: int) -> AsyncIterator[list[Started]]:
    """Processes that end with the block."""
    started = [notifier(shared, directory, number) for number in range(count)]
    try:
        yield started
    finally:
        for process in started:
            if process.exit_code is None:
                process.kill()


async def publish(publisher: Publisher, shared: Settings, records: list[Alert] | list[Call]) -> None:
    """Write each to its topic, over all partitions."""
    messages: dict[Place, list[Message]] = {}
    for number, record in enumerate(records):
        topic = ALERTS if isinstance(record, Alert) else CALLS
        partition = partition_of(str(number).encode(), shared.kafka.partitions)
        messages.setdefault(Place(topic.name, partition), []).append(Message(None, encode(record)))
    await publisher.publish(messages)


def fresh_alerts(count: int) -> list[Alert]:
    return [alert(raised_at_us=now_us()) for _ in range(count)]


async def delivered(store: ControlStore, count: int, *, within_s: float = 60) -> list[Delivery]:
    """Wait until so many are delivered."""

    def there() -> list[Delivery] | None:
        with store.read() as session:
            found = stored.listed(session, limit=1000, state="delivered")
        return found if len(found) >= count else None

    found = await eventually(lambda: asyncio.to_thread(there), within_s=within_s, every_s=0.2)
    assert found is not None
    return found


async def test_two_processes_tell_of_each_alert_and_call_once(
    shared: Settings, store: ControlStore, publisher: Publisher, tmp_path: Path
) -> None:
    async with receiving() as receiver, receiving() as of_calls, notifiers(shared, tmp_path, 2):
        receiver.secret = add_channel(store, url=receiver.url).signing_secret
        channel = add_channel(store, url=of_calls.url, events="calls")
        of_calls.secret = channel.signing_secret
        chosen = {"field": "status", "op": "gte", "value": 500}
        add_hook(store, channel.channel.channel_id, filter=chosen)
        raised = fresh_alerts(60)
        await publish(publisher, shared, raised)
        # A new hook is in force within a second or two; before, calls pass it by.
        await delivered(store, 60)
        await asyncio.sleep(0.6)
        at = now_us()
        calls = [call(ended_at_us=at, webhook=number % 3 == 0) for number in range(30)]
        calls += [call(ended_at_us=at, status=503, webhook=number % 2 == 0) for number in range(10)]
        await publish(publisher, shared, calls)
        await publish(publisher, shared, raised)  # as after a crash: all of them again
        await delivered(store, 80)
    assert (receiver.refused, of_calls.refused) == (0, 0)
    assert sorted(body["data"]["alert_id"] for body in receiver.bodies) == sorted(a.alert_id for a in raised)
    told = sorted(body["data"]["request_id"] for body in of_calls.bodies)
    assert told == sorted(c.request_id for c in calls if c.webhook or c.status == 503)


async def test_processes_that_are_killed_lose_nothing(
    shared: Settings, store: ControlStore, publisher: Publisher, tmp_path: Path
) -> None:
    """The receiver may get an alert twice, and knows it by its id."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    receiver = Receiver()

    def answer(number: int) -> web.Response:
        """Some are refused at first."""
        again = receiver.ids.count(receiver.ids[-1]) > 1
        return web.Response(status=503 if number % 17 == 5 and not again else 200)

    receiver.answer = answer
    total = 0
    async with receiving(receiver), notifiers(shared, tmp_path, 2) as running:
        receiver.secret = add_channel(store, url=receiver.url).signing_secret
        for _round in range(4):
            await publish(publisher, shared, fresh_alerts(30))
            total += 30
            await asyncio.sleep(chance.uniform(0.2, 2.0))
            index = chance.randrange(2)
            running[index].kill()
            running[index] = notifier(shared, tmp_path, index)
        done = await delivered(store, total, within_s=100)
    assert receiver.refused == 0
    assert set(receiver.ids) == {each.id for each in done}
    assert len({body["data"]["alert_id"] for body in receiver.bodies}) == total
    by_id: dict[str, str] = {}
    for one, body in zip(receiver.ids, receiver.bodies, strict=True):
        assert by_id.setdefault(one, body["data"]["alert_id"]) == body["data"]["alert_id"]


async def test_a_store_that_was_away_is_waited_for(
    shared: Settings, store: ControlStore, publisher: Publisher, postgres: support.Postgres, tmp_path: Path
) -> None:
    async with receiving() as receiver, notifiers(shared, tmp_path, 1) as (process,):
        receiver.secret = add_channel(store, url=receiver.url).signing_secret
        await publish(publisher, shared, fresh_alerts(3))
        await delivered(store, 3)
        await asyncio.to_thread(postgres.stop)
        raised = fresh_alerts(5)
        await publish(publisher, shared, raised)
        await eventually(lambda: "again in" in process.tail(), within_s=30)
        await asyncio.to_thread(postgres.start)
        await delivered(store, 8)
        assert process.stop() == 0
    told = [body["data"]["alert_id"] for body in receiver.bodies]
    assert len(told) == len(set(told)) == 8


async def until_asked(receiver: Receiver, times: int) -> None:
    await eventually(lambda: receiver.asked >= times, every_s=0.005)


async def test_from_the_alert_to_its_receiver(
    shared: Settings, store: ControlStore, publisher: Publisher, tmp_path: Path
) -> None:
    async with receiving() as receiver, notifiers(shared, tmp_path, 1):
        add_channel(store, url=receiver.url)
        await publish(publisher, shared, fresh_alerts(1))
        await delivered(store, 1)
        took: list[float] = []
        for number in range(20):
            begun = time.monotonic()
            await publish(publisher, shared, fresh_alerts(1))
            await until_asked(receiver, number + 2)
            took.append(time.monotonic() - begun)
    print(f"median {sorted(took)[10]:.3f} s, most {max(took):.3f} s")
    assert sorted(took)[18] < 2.0
