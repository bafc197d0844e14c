"""One suite for every store of answers."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tallygate.edge.cache.lmdb_store import LARGE_BYTES, LmdbCacheStore
from tallygate.edge.cache.store import Bounds, CacheStore, CacheStoreError
from tests.edge.cache.stores import KEY, Place, now_ms, opened
from tests.support.wait import eventually, eventually_sync

OTHER = b"o" * 32


async def put(
    store: CacheStore,
    data: bytes,
    *,
    key: bytes = KEY,
    slots: int = 1,
    at_ms: int | None = None,
    ttl_ms: int = 60_000,
) -> int:
    at_ms = now_ms() if at_ms is None else at_ms
    return await store.put(key, slots, data, now_ms=at_ms, expires_ms=at_ms + ttl_ms)


async def look(
    store: CacheStore, *, key: bytes = KEY, slots: int = 1, oldest_ms: int = 0, share: float = 0.0
) -> bytes | None:
    return await store.lookup(key, slots, oldest_ms=oldest_ms, now_ms=now_ms(), share=share)


@pytest.mark.parametrize("size", [0, 1, 2_000, LARGE_BYTES + 1, 3_000_000])
async def test_what_is_stored_is_found_also_by_the_next_process(place: Place, size: int) -> None:
    data = random.Random(size).randbytes(size)
    async with opened(*place) as store:
        assert await look(store) is None
        assert await put(store, data) == 0
        assert await look(store) == data
        assert await look(store, key=OTHER) is None
    async with opened(*place) as store:
        assert await look(store) == data
        assert await store.slot(KEY, 0, now_ms=now_ms()) == data
        assert await store.slot(KEY, 1, now_ms=now_ms()) is None


async def test_answers_expire_and_may_be_too_old_for_a_caller(place: Place) -> None:
    async with opened(*place) as store:
        made_ms = now_ms()
        await put(store, b"a", at_ms=made_ms, ttl_ms=300)
        assert await look(store, oldest_ms=made_ms) == b"a"
        assert await look(store, oldest_ms=made_ms + 1) is None

        async def gone() -> bool:
            return await look(store) is None and await store.slot(KEY, 0, now_ms=now_ms()) is None

        await eventually(gone)


async def test_a_bucket_is_filled_before_it_answers_and_then_replaces_its_oldest(place: Place) -> None:
    async with opened(*place) as store:
        start_ms = now_ms() - 1_000
        for slot, data in enumerate([b"a", b"b", b"c"]):
            assert await look(store, slots=3) is None
            assert await put(store, data, slots=3, at_ms=start_ms + slot) == slot
        found = [await look(store, slots=3, share=share) for share in (0.0, 0.34, 0.999999)]
        assert found == [b"a", b"b", b"c"]
        assert await put(store, b"d", slots=3, at_ms=start_ms + 10) == 0
        assert await put(store, b"e", slots=3, at_ms=start_ms + 11) == 1
        assert {await look(store, slots=3, share=share) for share in (0.0, 0.34, 0.9)} == {b"c", b"d", b"e"}


async def test_the_longest_unused_go_when_there_are_too_many(place: Place) -> None:
    async with opened(*place, Bounds(max_entries=10)) as store:
        start_ms = now_ms() - 10 * 3_600_000
        for turn in range(10):
            await put(store, b"x", key=turn.to_bytes(32, "big"), at_ms=start_ms + turn, ttl_ms=10**9)
        assert await look(store, key=(0).to_bytes(32, "big")) == b"x"
        for turn in range(10, 14):
            await put(store, b"x", key=turn.to_bytes(32, "big"), at_ms=start_ms + turn, ttl_ms=10**9)
        held = [turn for turn in range(14) if await look(store, key=turn.to_bytes(32, "big"))]
        assert held == [0, 5, 6, 7, 8, 9, 10, 11, 12, 13]


async def test_bytes_are_bounded(place: Place) -> None:
    async with opened(*place, Bounds(max_bytes=500_000)) as store:
        rng = random.Random(3)
        for turn in range(200):
            await put(
                store, rng.randbytes(rng.randint(10, 40_000)), key=rng.randbytes(32), at_ms=now_ms() + turn
            )
        last = rng.randbytes(240_000)
        await put(store, last)
        assert await look(store) == last
        if isinstance(store, LmdbCacheStore):
            entries, total = store.totals()
            assert 240_000 <= total <= 500_000
            assert entries >= 1


async def test_too_large_an_answer_is_refused(place: Place) -> None:
    async with opened(*place, Bounds(max_entry_bytes=1_000)) as store:
        with pytest.raises(CacheStoreError):
            await put(store, b"x" * 1_001)
        assert await look(store) is None


async def test_a_lease_belongs_to_one_until_it_ends(place: Place) -> None:
    one, two = "1" * 32, "2" * 32
    async with opened(*place) as store:
        assert (await store.acquire(KEY, one, now_ms=now_ms(), ttl_ms=60_000)).token == one
        held = await store.acquire(KEY, two, now_ms=now_ms(), ttl_ms=60_000)
        assert (held.token, held.state) == (one, "running")
        assert (await store.watch(KEY, one, now_ms=now_ms())).state == "running"
        assert (await store.watch(KEY, two, now_ms=now_ms())).state == "gone"
        assert not await store.renew(KEY, two, now_ms=now_ms(), ttl_ms=60_000)
        await store.finish(KEY, two, "stored", 1, now_ms=now_ms())
        assert await store.renew(KEY, one, now_ms=now_ms(), ttl_ms=60_000)
        await store.finish(KEY, one, "stored", 7, now_ms=now_ms())
        ended = await store.watch(KEY, one, now_ms=now_ms())
        assert (ended.state, ended.slot) == ("stored", 7)
        assert not await store.renew(KEY, one, now_ms=now_ms(), ttl_ms=60_000)
        assert (await store.acquire(KEY, two, now_ms=now_ms(), ttl_ms=60_000)).token == two
        assert (await store.watch(KEY, one, now_ms=now_ms())).state == "gone"


async def test_a_lease_that_is_not_renewed_runs_out(place: Place) -> None:
    one, two = "1" * 32, "2" * 32
    async with opened(*place) as store:
        await store.acquire(KEY, one, now_ms=now_ms(), ttl_ms=150)

        async def taken() -> bool:
            return (await store.acquire(KEY, two, now_ms=now_ms(), ttl_ms=60_000)).token == two

        await eventually(taken)
        assert not await store.renew(KEY, one, now_ms=now_ms(), ttl_ms=60_000)


async def test_a_redis_that_is_not_there_is_an_error_of_the_store(tmp_path: Path) -> None:
    async with opened("redis", f"unix://{tmp_path}/none.sock") as store:
        with pytest.raises(CacheStoreError):
            await look(store)
        with pytest.raises(CacheStoreError):
            await store.watch(KEY, "1" * 32, now_ms=now_ms())


async def test_expired_answers_and_leases_do_not_pile_up(tmp_path: Path) -> None:
    store = LmdbCacheStore(tmp_path)
    for turn in range(2_000):
        await put(store, b"x", key=turn.to_bytes(32, "big"), at_ms=turn, ttl_ms=100)
        await store.acquire(turn.to_bytes(32, "big"), "1" * 32, now_ms=turn, ttl_ms=100)
    entries, total = store.totals()
    assert entries < 1_000
    assert total == entries * 301
    await store.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_writer_leaves_what_it_stored_and_right_totals(tmp_path: Path, seed: int) -> None:
    import asyncio

    report = tmp_path / "report"
    place = ("lmdb", str(tmp_path / "cache"))
    worker = subprocess.Popen([sys.executable, "-m", "tests.edge.cache.stores", "put", *place, str(report)])
    eventually_sync(lambda: report.exists() and report.stat().st_size > 32 * (100 + 70 * seed))
    worker.kill()
    worker.wait()
    last = int.from_bytes(report.read_bytes()[-32:], "big")

    async def check() -> None:
        async with opened(*place, Bounds(max_bytes=400_000)) as store:
            assert isinstance(store, LmdbCacheStore)
            expected = last.to_bytes(4, "big") * (500 + last % 50 * 100)
            assert await look(store, key=last.to_bytes(32, "big")) == expected
            entries, total = store.totals()
            sizes = [
                len(found)
                for turn in range(last + 2)
                if (found := await look(store, key=turn.to_bytes(32, "big"))) is not None
            ]
            assert len(sizes) == entries
            assert sum(-(-size // 4_096) * 4_096 + 300 for size in sizes) == total <= 400_000

    asyncio.run(check())
