"""Single flight, within a process and across them, over every store."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tallygate.edge.cache.cache import Alone, Hit, Lead, ResponseCache
from tallygate.edge.cache.directives import Directives
from tallygate.edge.cache.entry import Entry
from tallygate.edge.cache.store import Bounds
from tallygate.runtime.deadline import Deadline
from tests.edge.cache.stores import CACHED, KEY, Place, entry, opened
from tests.support.wait import PATIENCE_S, eventually, eventually_sync


def worker(mode: str, place: Place, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.edge.cache.stores", mode, *place, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def lead(cache: ResponseCache, directives: Directives = CACHED) -> Lead:
    outcome = await cache.open(KEY, directives, Deadline.after(10))
    assert isinstance(outcome, Lead)
    return outcome


async def body(cache: ResponseCache, directives: Directives = CACHED) -> bytes | None:
    outcome = await cache.open(KEY, directives, Deadline.after(10))
    if isinstance(outcome, Lead):
        async with outcome:
            return None
    return outcome.entry.body if isinstance(outcome, Hit) else None


async def waiting(cache: ResponseCache, count: int) -> list["asyncio.Task[Hit | Lead | Alone]"]:
    """Calls that have come to wait for one that is on its way."""
    async with asyncio.timeout(5):
        tasks = [asyncio.Task(cache.open(KEY, CACHED, Deadline.after(10))) for _ in range(count)]
        await asyncio.wait(tasks, timeout=0.1)
    assert not any(task.done() for task in tasks)
    return tasks


async def test_a_miss_leads_and_the_next_call_hits(place: Place) -> None:
    async with opened(*place) as store:
        cache = ResponseCache(store)
        async with await lead(cache) as call:
            assert await call.store(entry(b"one"))
        outcome = await cache.open(KEY, CACHED, Deadline.after(1))
        assert isinstance(outcome, Hit)
        assert (outcome.entry.body, outcome.age_s) == (b"one", 0)


async def test_who_waits_gets_the_leaders_answer(place: Place) -> None:
    async with opened(*place) as store:
        cache = ResponseCache(store)
        call = await lead(cache)
        tasks = await waiting(cache, 20)
        async with call:
            await call.store(entry(b"one"))
        outcomes = await asyncio.gather(*tasks)
        assert {outcome.entry.body for outcome in outcomes if isinstance(outcome, Hit)} == {b"one"}
        assert all(isinstance(outcome, Hit) for outcome in outcomes)


async def test_an_answer_too_large_to_store_still_serves_those_who_wait(place: Place) -> None:
    async with opened(*place, Bounds(max_entry_bytes=100)) as store:
        cache = ResponseCache(store)
        call = await lead(cache)
        [task] = await waiting(cache, 1)
        async with call:
            assert not await call.store(entry(b"x" * 200))
        outcome = await task
        assert isinstance(outcome, Hit)
        assert cache.unavailable == 1


async def test_an_answer_that_cannot_be_shared_lets_all_go_on_at_once(place: Place) -> None:
    async with opened(*place) as store:
        cache = ResponseCache(store)
        call = await lead(cache)
        tasks = await waiting(cache, 10)
        async with call:
            await call.uncacheable()
        assert await asyncio.gather(*tasks) == [Alone(save=True)] * 10


async def test_one_takes_over_from_a_leader_that_left(place: Place) -> None:
    async with opened(*place) as store:
        cache = ResponseCache(store)

        async def cancelled_call() -> None:
            async with await lead(cache):
                await asyncio.Event().wait()

        leader = asyncio.Task(cancelled_call())
        await eventually(lambda: KEY in cache.flights)
        tasks = await waiting(cache, 10)
        leader.cancel()
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        [successor] = [task.result() for task in done]
        assert isinstance(successor, Lead)
        assert len(pending) == 9
        async with successor:
            await successor.store(entry(b"two"))
        assert all(isinstance(outcome, Hit) for outcome in await asyncio.gather(*pending))


async def test_nobody_waits_beyond_its_own_deadline(place: Place) -> None:
    async with opened(*place) as store:
        cache, elsewhere = ResponseCache(store), ResponseCache(store)
        async with await lead(cache) as call:
            for each in (cache, elsewhere):
                assert await each.open(KEY, CACHED, Deadline.after(0.05)) == Alone(save=False)
            [task] = await waiting(elsewhere, 1)
            await call.store(entry(b"one"))
            assert isinstance(await task, Hit)


@pytest.mark.parametrize("end", ["stored", "uncacheable", "left"])
async def test_another_process_learns_how_it_ended(place: Place, end: str) -> None:
    """Two caches over one store are two processes."""
    async with opened(*place) as store:
        cache, elsewhere = ResponseCache(store), ResponseCache(store)
        async with await lead(cache) as call:
            tasks = await waiting(elsewhere, 5)
            if end == "stored":
                await call.store(entry(b"one"))
            elif end == "uncacheable":
                await call.uncacheable()
        if end == "left":
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
            [successor] = [task.result() for task in done]
            assert isinstance(successor, Lead)
            async with successor:
                await successor.uncacheable()
            tasks = list(pending)
        expected = Hit if end == "stored" else Alone
        assert all(isinstance(outcome, expected) for outcome in await asyncio.gather(*tasks))


async def test_a_lease_is_renewed_while_its_call_runs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallygate.edge.cache.cache.LEASE_MS", 200)
    monkeypatch.setattr("tallygate.edge.cache.cache._RENEW_S", 0.03)
    async with opened(*place) as store:
        cache, elsewhere = ResponseCache(store), ResponseCache(store)
        async with await lead(cache) as call:
            [task] = await waiting(elsewhere, 1)
            await asyncio.wait({task}, timeout=0.6)
            assert not task.done()
            await call.store(entry(b"one"))
        assert isinstance(await task, Hit)


async def test_reading_and_saving_can_be_asked_for_alone(place: Place) -> None:
    async with opened(*place) as store:
        cache = ResponseCache(store)
        reading, saving = Directives(read=True), Directives(save=True)
        assert await cache.open(KEY, reading, Deadline.after(1)) == Alone(save=False)
        assert not await cache.save(KEY, entry(b"no"), reading)
        assert await cache.open(KEY, saving, Deadline.after(1)) == Alone(save=True)
        assert await cache.save(KEY, entry(b"one"), saving)
        assert await body(cache, reading) == b"one"
        assert await cache.open(KEY, saving, Deadline.after(1)) == Alone(save=True)
        assert await cache.save(KEY, entry(b"two"), saving)
        assert await body(cache) == b"two"


async def test_ages(place: Place) -> None:
    async with opened(*place) as store:
        now_ms = [1_900_000_000_000]
        cache = ResponseCache(store, clock_ms=lambda: now_ms[0])
        await cache.save(KEY, entry(b"one", now_ms[0]), Directives(save=True, ttl_s=100))
        now_ms[0] += 30_500
        outcome = await cache.open(KEY, CACHED, Deadline.after(1))
        assert isinstance(outcome, Hit)
        assert outcome.age_s == 30
        assert await body(cache, Directives(read=True, max_age_s=31)) == b"one"
        assert await body(cache, Directives(read=True, max_age_s=30)) is None
        assert not await cache.save(KEY, entry(b"old", now_ms[0] - 5_000), Directives(save=True, ttl_s=5))


async def test_a_bucket_answers_at_random_when_it_is_full(place: Place) -> None:
    bucket = Directives(read=True, save=True, bucket=3)
    async with opened(*place) as store:
        cache = ResponseCache(store)
        for turn in range(3):
            async with await lead(cache, bucket) as call:
                await call.store(entry(f"{turn}".encode()))
        assert {await body(cache, bucket) for _ in range(60)} == {b"0", b"1", b"2"}


async def test_an_entry_of_another_version_is_a_miss(place: Place) -> None:
    async with opened(*place) as store:
        cache = ResponseCache(store)
        now_ms = entry().created_ms
        await store.put(KEY, 1, b"\xffrubbish", now_ms=now_ms, expires_ms=now_ms + 60_000)
        async with await lead(cache) as call:
            await call.store(entry(b"one"))
        assert await body(cache) == b"one"


async def test_without_its_store_every_call_goes_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened("redis", f"unix://{tmp_path}/none.sock") as store:
        cache = ResponseCache(store)
        outcomes = await asyncio.gather(*(cache.open(KEY, CACHED, Deadline.after(1)) for _ in range(5)))
        assert outcomes == [Alone(save=False)] * 5
        assert not await cache.save(KEY, entry(), CACHED)
        assert cache.unavailable == 6
        assert len(caplog.records) == 1


def test_1000_identical_calls_over_several_processes_make_one_provider_call(
    place: Place, tmp_path: Path
) -> None:
    provider = tmp_path / "provider"
    workers = [worker("burst", place, provider, 250, 4) for _ in range(4)]
    assert [each.communicate(timeout=60)[0].split() for each in workers] == [["250", "1"]] * 4
    assert provider.read_text() == "call\n"


def test_a_killed_leader_is_replaced(place: Place, tmp_path: Path) -> None:
    provider, ledger = tmp_path / "provider", tmp_path / "ledger"
    leader = worker("lead", place, ledger)
    eventually_sync(ledger.exists)
    followers = worker("burst", place, provider, 50, 1)
    leader.kill()
    leader.communicate()
    assert followers.communicate(timeout=30)[0].split() == ["50", "1"]
    assert provider.read_text() == "call\n"


def test_an_entry_knows_no_secret() -> None:
    assert set(Entry.__dataclass_fields__) == {
        "kind", "body", "created_ms", "headers", "provider", "model", "usage", "usage_flavor",
        "service_tier", "request_id",
    }  # fmt: skip
