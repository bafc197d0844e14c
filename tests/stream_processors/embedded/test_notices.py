"""Alerts and calls from the runner's state to the delivery log."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tallygate.control.deliveries import StoredDeliveries
from tallygate.control.open import open_store
from tallygate.control.store import deliveries as stored
from tallygate.control.store.database import ControlStore
from tallygate.runtime.tasks import spawn
from tallygate.schemas.deliveries import Added, Outgoing
from tallygate.schemas.rules import CallHook, RuleBook, by_project
from tallygate.stream_processors.budgets.evaluator import Outcome
from tallygate.stream_processors.embedded import EmbeddedRunner
from tallygate.stream_processors.embedded.notices import LOOK, StateSource
from tallygate.stream_processors.embedded.outgoing import read_outgoing
from tallygate.stream_processors.embedded.read import reading
from tallygate.stream_processors.embedded.state import RunnerState
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.notify.intake import DAY_US, Intake
from tests.stream_processors.embedded.stores import FileStore
from tests.stream_processors.embedded.test_runner import PRICER, QUICK, drained
from tests.stream_processors.notify.alerts import alert
from tests.support import factories
from tests.support.control import add_channel, now_us, settings_for
from tests.support.outboxes import FilledOutbox
from tests.support.wait import eventually

KEEP_DAYS = 30


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ControlStore]:
    opened = open_store(settings_for(tmp_path / "control"))
    yield opened
    opened.close()


@asynccontextmanager
async def following(path: Path, log: Any) -> AsyncIterator[list[int]]:
    """A source at work; the numbers up to which calls were taken over."""
    taken: list[int] = []
    intake = Intake(log, keep_days=KEEP_DAYS, on_new=lambda: None)
    stop = asyncio.Event()
    running = spawn(StateSource(path, log, intake, taken.append).run(stop), name="source")
    try:
        yield taken
    finally:
        stop.set()
        await running


def log_of(store: ControlStore) -> StoredDeliveries:
    return StoredDeliveries(store, max_waiting_calls=1000)


def payloads(store: ControlStore) -> list[dict[str, Any]]:
    with store.read() as session:
        return [stored.show(session, one.id).payload for one in stored.listed(session, limit=500)]


def raise_alerts(path: Path, count: int, **fields: Any) -> list[str]:
    """Write alerts as an evaluation does; their ids."""
    raised = [alert(**{"raised_at_us": now_us(), **fields}) for _ in range(count)]
    state = RunnerState(path)
    state.commit_told(Outcome(alerts=raised, states={}, budgets={}))
    state.close()
    return [one.alert_id for one in raised]


async def told(store: ControlStore, count: int) -> list[str]:
    """Wait for so many deliveries; the alerts' ids."""
    await eventually(lambda: len(payloads(store)) >= count)
    return [payload["data"]["alert_id"] for payload in payloads(store)]


async def test_alerts_are_told_once_over_restarts(store: ControlStore, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    add_channel(store)
    async with following(path, log_of(store)):  # the runner has not begun
        ids = raise_alerts(path, 3)
        assert sorted(await told(store, 3)) == sorted(ids)
    ids += raise_alerts(path, LOOK + 50)
    async with following(path, log_of(store)):
        assert sorted(await told(store, len(ids))) == sorted(ids)
    async with following(path, log_of(store)):
        ids += raise_alerts(path, 1)
        assert sorted(await told(store, len(ids))) == sorted(ids)


async def test_of_another_state_file_all_is_looked_at(store: ControlStore, tmp_path: Path) -> None:
    """A backup put back, or a state made anew: numbers begin again, and nothing is told twice or left out."""
    path, backup = tmp_path / "state.db", tmp_path / "backup.db"
    add_channel(store)
    ids = raise_alerts(path, 2)
    shutil.copy(path, backup)
    ids += raise_alerts(path, 3)
    async with following(path, log_of(store)):
        await told(store, 5)
    put_back(backup, path)
    ids += raise_alerts(path, 3)
    async with following(path, log_of(store)):
        assert sorted(await told(store, 8)) == sorted(ids)


def put_back(backup: Path, path: Path) -> None:
    """Replace the state by a copy."""
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()
    backup.rename(path)


async def test_who_is_muted_or_long_past_is_not_told(store: ControlStore, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    add_channel(store)
    raise_alerts(path, 1, notify=False)
    raise_alerts(path, 1, raised_at_us=now_us() - (KEEP_DAYS + 1) * DAY_US)
    (last,) = raise_alerts(path, 1)
    async with following(path, log_of(store)):
        assert await told(store, 1) == [last]


async def test_a_log_that_is_away_is_waited_for(store: ControlStore, tmp_path: Path) -> None:
    class Away(StoredDeliveries):
        times = 3

        def add(self, outgoing: Any, **given: Any) -> Added:
            if self.times:
                self.times -= 1
                raise RetryableError("away")
            return super().add(outgoing, **given)

    path = tmp_path / "state.db"
    add_channel(store)
    ids = raise_alerts(path, 2)
    async with following(path, Away(store, max_waiting_calls=1)):
        assert sorted(await told(store, 2)) == sorted(ids)


def hooked(tmp_path: Path, channel: str) -> EmbeddedRunner:
    """A runner where every call of the project `default` is told to a channel."""
    hook = CallHook(
        hook_id="hook_1",
        project="default",
        name="all",
        channel_id=channel,
        created_at_us=1,
        include_bodies=True,
    )
    book = RuleBook(version=1, hooks=by_project([hook]))
    store = FileStore(tmp_path / "store.db")
    return EmbeddedRunner(
        tmp_path / "outbox", tmp_path / "state.db", store, PRICER, QUICK, rules=lambda: book
    )


def held(path: Path) -> list[Outgoing]:
    with reading(path) as db:
        return [one.outgoing for one in read_outgoing(db, above=-1, limit=100)]


async def test_calls_go_with_the_transaction_that_counts_them(store: ControlStore, tmp_path: Path) -> None:
    channel = add_channel(store, events="calls").channel.channel_id
    path = tmp_path / "state.db"
    outbox = FilledOutbox(tmp_path / "outbox")
    outbox.add_all(factories.response_event(ended_at_us=now_us()) for _ in range(3))
    drained(hooked(tmp_path, channel))
    assert len(held(path)) == 3
    assert all(json.loads(one.payload)["data"]["priced"] for one in held(path))
    drained(hooked(tmp_path, channel))  # a restart chooses nothing again
    assert len(held(path)) == 3
    async with following(path, log_of(store)) as taken:
        await eventually(lambda: len(payloads(store)) == 3)
        await eventually(lambda: bool(taken))
    again = hooked(tmp_path, channel)
    again.taken = taken[-1]
    outbox.add(factories.response_event(ended_at_us=now_us()))
    drained(again)
    outbox.close()
    assert len(held(path)) == 1
    async with following(path, log_of(store)):
        await eventually(lambda: len(payloads(store)) == 4)
    assert len({payload["data"]["request_id"] for payload in payloads(store)}) == 4
