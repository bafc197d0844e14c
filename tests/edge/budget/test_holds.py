"""One contract for both stores of reservations: spent and held together never pass a limit."""

import asyncio
import multiprocessing
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tallygate.edge.budget.holds import Claim, HoldStore, HoldStoreError, Origin, Spent
from tallygate.edge.budget.lmdb_holds import LmdbHoldStore
from tallygate.edge.budget.redis_holds import RedisHoldStore
from tallygate.edge.redis_client import connect

LATER_MS = 10_000


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["lmdb", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[HoldStore]:
    if request.param == "lmdb":
        local = LmdbHoldStore(tmp_path / "holds", clock_ms=clock)
        yield local
        await local.close()
        return
    client = connect(request.getfixturevalue("redis_url"), timeout_s=5.0)
    yield RedisHoldStore(client, clock_ms=clock)
    await client.aclose()


class Budget:
    """A budget of 100, and calls against it."""

    def __init__(self, store: HoldStore, clock: Clock) -> None:
        self.key = uuid.uuid4().hex
        self._store = store
        self._clock = clock
        self.spent = Spent()

    async def hold(self, hold_id: str, worst: int) -> bool:
        claim = Claim(self.key, 100, worst, self.spent)
        return (await self._store.hold([claim], hold_id, self._clock.now_ms + LATER_MS)).allowed

    async def settle(self, hold_id: str, cost: int, seq: int | None, place: str = "0/edge") -> None:
        origin = None if seq is None else Origin(place, seq)
        await self._store.settle([self.key], hold_id, cost, origin, self._clock.now_ms + 100 * LATER_MS)

    def counted(self, nanos: int, version: int, marks: Mapping[str, int]) -> None:
        self.spent = Spent(nanos, version, dict(marks))


@pytest.fixture
def budget(store: HoldStore, clock: Clock) -> Budget:
    return Budget(store, clock)


async def test_calls_in_flight_are_held_at_their_worst(budget: Budget) -> None:
    assert await budget.hold("a", 60)
    assert not await budget.hold("b", 41)
    assert await budget.hold("c", 40)
    assert not await budget.hold("d", 1)


async def test_what_a_call_did_cost_stays_held_until_it_is_counted(budget: Budget) -> None:
    assert await budget.hold("a", 90)
    await budget.settle("a", 30, 7)
    assert not await budget.hold("b", 71)
    assert await budget.hold("b", 70)
    await budget.settle("b", 20, 8)
    budget.counted(30, 1, {"0/edge": 7})  # a is in what is spent, b is not
    assert not await budget.hold("c", 51)
    budget.counted(50, 2, {"0/edge": 8})
    assert await budget.hold("c", 50)


async def test_marks_are_of_a_partition_and_an_edge(budget: Budget) -> None:
    assert await budget.hold("a", 60)
    await budget.settle("a", 60, 7, "1/edge")
    budget.counted(0, 1, {"0/edge": 99, "1/other": 99})
    assert not await budget.hold("b", 41)
    budget.counted(60, 2, {"1/edge": 7})
    assert await budget.hold("b", 40)


async def test_a_worker_that_knows_less_does_not_do_without_what_another_has_dropped(budget: Budget) -> None:
    assert await budget.hold("a", 60)
    await budget.settle("a", 60, 7)
    budget.counted(60, 5, {"0/edge": 7})
    assert not await budget.hold("b", 41)
    budget.counted(0, -1, {})  # a worker that has not read it yet
    assert not await budget.hold("b", 41)
    assert await budget.hold("b", 40)


async def test_calls_that_cost_nothing_or_are_not_counted_leave_nothing(budget: Budget) -> None:
    assert await budget.hold("a", 100)
    await budget.settle("a", 0, 7)
    assert await budget.hold("b", 100)
    await budget.settle("b", 50, None)
    assert await budget.hold("c", 100)


async def test_a_hold_of_a_killed_edge_expires_and_a_settled_one_does_not(
    budget: Budget, clock: Clock
) -> None:
    assert await budget.hold("killed", 50)
    assert await budget.hold("settled", 50)
    await budget.settle("settled", 50, 7)
    clock.now_ms += LATER_MS + 1
    assert not await budget.hold("c", 51)
    assert await budget.hold("c", 50)


async def test_all_budgets_of_a_call_or_none(store: HoldStore, clock: Clock) -> None:
    wide, narrow = uuid.uuid4().hex, uuid.uuid4().hex
    claims = [Claim(wide, 100, 20, Spent()), Claim(narrow, 10, 20, Spent(4, 1, {}))]
    verdict = await store.hold(claims, "a", clock.now_ms + LATER_MS)
    assert (verdict.allowed, verdict.taken) == (False, (0, 4))
    verdict = await store.hold([claims[0]], "b", clock.now_ms + LATER_MS)
    assert verdict.taken == (0,)


async def test_a_store_that_is_away_says_so() -> None:
    client = connect("redis://127.0.0.1:1/0", timeout_s=0.2)
    with pytest.raises(HoldStoreError):
        await RedisHoldStore(client).hold([Claim("k", 1, 1, Spent())], "a", 1)
    await client.aclose()


def test_entries_of_past_budgets_are_swept(tmp_path: Path) -> None:
    clock = Clock()
    store = LmdbHoldStore(tmp_path / "holds", clock_ms=clock)

    async def run() -> int:
        for number in range(40):
            await Budget(store, clock).hold(str(number), 1)
        clock.now_ms += LATER_MS + 1
        for _ in range(80):
            await Budget(store, clock).hold("x", 1000)
        with store._db.transaction(write=False) as txn:  # what is on disk
            entries = int(txn.stat(store._holds)["entries"])
        await store.close()
        return entries

    assert asyncio.run(run()) == 0


def _worker(directory: Path, number: int, allowed: "multiprocessing.Queue[int]") -> None:
    async def run() -> int:
        store = LmdbHoldStore(directory)
        count = 0
        for call in range(100):
            claim = Claim("shared", 1000, 10, Spent())
            count += (await store.hold([claim], f"{number}-{call}", 2**53)).allowed
        await store.close()
        return count

    allowed.put(asyncio.run(run()))


def test_workers_together_never_hold_more_than_the_limit(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    allowed: multiprocessing.Queue[int] = context.Queue()
    workers = [context.Process(target=_worker, args=(tmp_path / "holds", n, allowed)) for n in range(3)]
    for worker in workers:
        worker.start()
    assert sum(allowed.get(timeout=60) for _ in workers) == 100
    for worker in workers:
        worker.join()
