"""One suite for every store of windows."""

import itertools
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallygate.edge.limits.lmdb_store import LmdbLimitStore
from tallygate.edge.limits.store import Charge, Demand, LimitKey, LimitStoreError, Reading
from tests.edge.limits.stores import demand, opened
from tests.support.wait import eventually_sync

Place = tuple[str, str]


RUNS = itertools.count()


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


def worker(mode: str, place: Place, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.edge.limits.stores", mode, *place, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_a_window_slides(place: Place) -> None:
    clock = Clock()
    async with opened(*place, clock) as store:
        for used in (1, 2, 3):
            verdict = await store.take([demand(quota=3, window_ms=1_000)])
            assert verdict.allowed
            assert verdict.readings[0].used == used
            clock.now_ms += 100
        refused = await store.take([demand(quota=3, window_ms=1_000)])
        assert not refused.allowed
        assert refused.readings == (Reading(used=3, wait_ms=700, oldest_leaves_ms=700),)
        clock.now_ms += 699
        assert not (await store.take([demand(quota=3, window_ms=1_000)])).allowed
        clock.now_ms += 1
        assert (await store.take([demand(quota=3, window_ms=1_000)])).allowed
        assert not (await store.take([demand(quota=3, window_ms=1_000)])).allowed


async def test_all_windows_or_none(place: Place) -> None:
    async with opened(*place, Clock()) as store:
        narrow, wide = demand("narrow", quota=1), demand("wide", quota=10)
        assert (await store.take([narrow, wide])).allowed
        for _ in range(5):
            refused = await store.take([narrow, wide])
            assert not refused.allowed
            assert [reading.used for reading in refused.readings] == [1, 1]
            assert refused.readings[0].wait_ms > 0
            assert refused.readings[1].wait_ms == 0
        assert (await store.take([wide])).readings[0].used == 2


async def test_what_is_charged_later_shuts_the_window_when_it_is_used_up(place: Place) -> None:
    clock = Clock()
    tokens = demand("tokens", quota=1_000, take=0)
    async with opened(*place, clock) as store:
        assert (await store.take([tokens])).readings[0].used == 0
        await store.charge([Charge(tokens.key, tokens.window_ms, 999), Charge(LimitKey("p", "x"), 60_000, 5)])
        assert (await store.take([tokens])).allowed
        clock.now_ms += 10
        await store.charge([Charge(tokens.key, tokens.window_ms, 5_000)])
        refused = await store.take([tokens])
        assert not refused.allowed
        assert refused.readings == (Reading(5_999, wait_ms=60_000, oldest_leaves_ms=59_990),)
        clock.now_ms += 59_990
        assert not (await store.take([tokens])).allowed
        clock.now_ms += 10
        assert (await store.take([tokens])).allowed


async def test_windows_outlive_their_processes(place: Place) -> None:
    async with opened(*place) as store:
        await store.take([demand(quota=1)])
    async with opened(*place) as store:
        assert not (await store.take([demand(quota=1)])).allowed


async def test_projects_count_apart(place: Place) -> None:
    async with opened(*place) as store:
        other = Demand(LimitKey("q", "w"), 60_000, 1, 1)
        assert (await store.take([demand(quota=1)])).allowed
        assert (await store.take([other])).allowed


async def test_many_entries_are_one_answer_in_every_store(place: Place, tmp_path: Path) -> None:
    """More than are kept one by one: the stores coalesce alike, hold to their bound and forget."""
    clock = Clock()
    reference = LmdbLimitStore(tmp_path / "reference", clock_ms=clock)
    async with opened(*place, clock) as store:
        for turn in range(900):
            wanted = demand(quota=600, window_ms=10_000)
            verdict = await store.take([wanted])
            assert verdict == await reference.take([wanted])
            clock.now_ms += 7 if turn % 3 else 23
        clock.now_ms += 10_081
        assert (await store.take([demand(quota=600, window_ms=10_000)])).readings[0].used == 1
    await reference.close()


STEPS = st.lists(
    st.tuples(
        st.integers(-7_000, 4_000),
        st.sampled_from(["take", "charge"]),
        st.sampled_from([("a",), ("b",), ("a", "b")]),
        st.integers(1, 6),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_against_a_log_of_every_taking(
    place: Place, steps: list[tuple[int, str, tuple[str, ...], int]]
) -> None:
    """With a clock that sometimes is a little behind, as that of another process is."""
    clock = Clock()
    newest_ms = clock.now_ms
    quotas = {"a": 5, "b": 9}
    log: dict[str, list[tuple[int, int]]] = {"a": [], "b": []}
    run = next(RUNS)
    async with opened(*place, clock) as store:
        for step_ms, kind, names, amount in steps:
            newest_ms = max(newest_ms, newest_ms + step_ms)
            clock.now_ms = newest_ms + min(step_ms, 0) // 2
            keys = {name: LimitKey(str(run), name) for name in names}
            now = {name: max([clock.now_ms] + [time for time, _ in log[name]]) for name in names}
            used = {n: sum(taken for time, taken in log[n] if time > now[n] - 3_000) for n in names}
            if kind == "charge":
                await store.charge([Charge(keys[name], 3_000, amount) for name in names])
                allowed = True
            else:
                amount = 1
                verdict = await store.take([Demand(keys[name], 3_000, quotas[name], 1) for name in names])
                allowed = all(used[name] < quotas[name] for name in names)
                assert verdict.allowed == allowed
                assert [r.used for r in verdict.readings] == [used[name] + allowed for name in names]
            if allowed:
                for name in names:
                    log[name].append((now[name], amount))


def test_500_takes_of_100_over_several_processes_let_exactly_100_through(place: Place) -> None:
    workers = [worker("all", place, 125, 100) for _ in range(4)]
    results = [int(each.communicate(timeout=60)[0]) for each in workers]
    assert sum(results) == 100


@pytest.mark.parametrize("seed", range(1, 7))
def test_killed_workers_lose_nothing_and_block_nobody(place: Place, tmp_path: Path, seed: int) -> None:
    """What a worker reported is counted; of a killed one at most the taking that it could not report more."""
    quota = 20_000 + seed
    reports = [tmp_path / f"report-{n}" for n in range(6)]
    with ExitStack() as stack:
        workers = []
        for report in reports:
            workers.append(stack.enter_context(worker("until-killed", place, quota, report)))
            stack.callback(workers[-1].kill)  # also when one of them hangs
        for victim, report in zip(workers[:5], reports[:5], strict=True):
            eventually_sync(partial(_is_longer, report, 40 * seed))
            victim.kill()
            victim.wait()
        last = reports[5]
        before = last.stat().st_size if last.exists() else 0
        eventually_sync(lambda: _is_longer(last, before + 50))
    granted = Counter(b"".join(report.read_bytes() for report in reports))[ord("+")]
    [used] = _used(place)
    assert granted <= used <= granted + len(workers)


def _is_longer(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size > size


def _used(place: Place) -> list[int]:
    code = (
        "import asyncio, sys\n"
        "from tests.edge.limits.stores import demand, opened\n"
        "async def main():\n"
        "    async with opened(*sys.argv[1:3]) as store:\n"
        "        wanted = [demand(name, quota=10**8, take=0) for name in 'ab']\n"
        "        verdict = await store.take(wanted)\n"
        "        assert len({r.used for r in verdict.readings}) == 1, verdict\n"
        "        print(verdict.readings[0].used)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *place], capture_output=True, text=True, check=True)
    return [int(done.stdout)]


async def test_a_redis_that_is_not_there_is_an_error_of_the_store(tmp_path: Path) -> None:
    async with opened("redis", f"unix://{tmp_path}/none.sock") as store:
        with pytest.raises(LimitStoreError):
            await store.take([demand()])
        with pytest.raises(LimitStoreError):
            await store.charge([Charge(LimitKey("p", "w"), 1_000, 1)])


async def test_keys_whose_windows_have_passed_are_swept(tmp_path: Path) -> None:
    clock = Clock()
    store = LmdbLimitStore(tmp_path, clock_ms=clock)
    for turn in range(3_000):
        await store.take([demand(f"user-{turn}", window_ms=500)])
        clock.now_ms += 1
    assert store.keys() < 1_500
    clock.now_ms += 1_000
    while store.sweep(1_000):
        pass
    assert store.keys() == 0
    await store.close()


async def _take_with_new_keys(store: LmdbLimitStore, name: str, times: int) -> None:
    for turn in range(times):
        assert (await store.take([demand(f"{name}-{turn}")])).allowed


async def test_a_full_store_makes_room_or_says_so(tmp_path: Path) -> None:
    clock = Clock()
    store = LmdbLimitStore(tmp_path, clock_ms=clock, max_keys=2_000)
    with pytest.raises(LimitStoreError):
        await _take_with_new_keys(store, "user", 100_000)
    assert 2_000 - 8 <= store.keys() <= 2_000 + 8
    assert (await store.take([demand("user-0")])).readings[0].used == 2
    clock.now_ms += 60_000
    await _take_with_new_keys(store, "another", 1_000)
    await store.close()


async def test_a_store_whose_file_is_damaged_starts_anew(tmp_path: Path) -> None:
    store = LmdbLimitStore(tmp_path)
    await store.take([demand(quota=1)])
    await store.close()
    (tmp_path / "data.mdb").write_bytes(b"rubbish" * 4_096)
    store = LmdbLimitStore(tmp_path)
    assert (await store.take([demand(quota=1)])).allowed
    await store.close()


def test_a_place_that_cannot_be_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LimitStoreError):
        LmdbLimitStore(tmp_path / "file")
