"""The limiter over a real store, and over one that fails when told to."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from tallygate.edge.limits.limiter import Admission, BoundPolicy, Limiter, Subject, bind, headers
from tallygate.edge.limits.lmdb_store import LmdbLimitStore
from tallygate.edge.limits.policy import parse
from tallygate.edge.limits.store import Charge, Demand, LimitStoreError, Verdict
from tests.edge.limits.test_stores import Clock

ALICE = Subject("p", key_id="k1", user_id="alice", properties={"Team": "red"})


def bound(text: str, subject: Subject = ALICE, source: str = "header") -> tuple[BoundPolicy, ...]:
    return bind(parse(text), subject, source=source)


def test_windows_are_named_by_whom_they_count() -> None:
    def windows(*subjects: Subject, scope: str) -> int:
        return len({bound(f"5;w=60{scope}", subject)[0].key for subject in subjects})

    bob = Subject("p", key_id="k1", user_id="bob", properties={"TEAM": "red"})
    blue = Subject("p", key_id="k2", user_id="alice", properties={"team": "blue"})
    nobody = Subject("p")
    elsewhere = Subject("q", key_id="k1", user_id="alice", properties={"Team": "red"})
    assert windows(ALICE, bob, blue, nobody, scope="") == 1
    assert windows(ALICE, bob, blue, nobody, scope=";s=user") == 3
    assert windows(ALICE, bob, blue, nobody, scope=";s=key") == 3
    assert windows(ALICE, bob, blue, nobody, scope=";s=team") == 3
    assert windows(nobody, Subject("p", properties={}), scope=";s=team") == 1
    assert windows(ALICE, elsewhere, scope=";s=user") == 2


def test_source_unit_and_length_make_another_window_but_the_quota_does_not() -> None:
    base = bound("5;w=60")[0].key
    assert bound("9;w=60")[0].key == base
    assert base not in {
        bound("5;w=61")[0].key,
        bound("5;w=60;u=tokens")[0].key,
        bound("5;w=60", source="key:k1")[0].key,
    }


def test_no_window_is_named_after_a_person() -> None:
    assert "alice" not in repr(bound("5;w=60;s=user")[0].key)


async def test_a_call_is_counted_refused_and_told(tmp_path: Path) -> None:
    clock = Clock()
    store = LmdbLimitStore(tmp_path, clock_ms=clock)
    limiter = Limiter(store)
    policies = bound("2;w=60,100;w=3600;s=user")
    first = await limiter.admit(policies)
    assert first.allowed
    assert headers(first) == {
        "RateLimit-Policy": "2;w=60, 100;w=3600;s=user", "RateLimit-Limit": "2", "RateLimit-Remaining": "1",
        "RateLimit-Reset": "60",
    }  # fmt: skip
    clock.now_ms += 15_500
    await limiter.admit(policies)
    refused = await limiter.admit(policies)
    assert not refused.allowed
    assert limiter.refused == 1
    assert headers(refused)["RateLimit-Remaining"] == "0"
    assert headers(refused)["retry-after"] == headers(refused)["RateLimit-Reset"] == "45"
    clock.now_ms += 44_500
    assert (await limiter.admit(policies)).allowed
    await store.close()


async def test_tokens_and_cents_are_charged_when_they_are_known(tmp_path: Path) -> None:
    store = LmdbLimitStore(tmp_path, clock_ms=Clock())
    limiter = Limiter(store)
    policies = bound("1000;w=60;u=tokens,50;w=60;u=cents,10;w=60")
    assert (await limiter.admit(policies)).allowed
    await limiter.charge(policies, tokens=400, cost_nanos=495_000_001)
    admission = await limiter.admit(policies)
    assert admission.allowed
    assert headers(admission)["RateLimit-Limit"] == "50"
    assert headers(admission)["RateLimit-Remaining"] == "0"
    await limiter.charge(policies, tokens=0, cost_nanos=5_000_000)
    refused = await limiter.admit(policies)
    assert not refused.allowed
    assert [reading.used for reading in refused.readings] == [400, 500_000_001, 2]
    assert headers(refused)["retry-after"] == "60"
    await store.close()


async def test_without_policies_no_store_is_asked() -> None:
    assert await Limiter(FailingStore()).admit(()) == Admission(allowed=True)
    assert headers(Admission(allowed=True)) == {}


class FailingStore:
    """A store that is not there while told so: no real one fails on command."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = True

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        self.asked += 1
        if self.down:
            raise LimitStoreError("gone")
        return Verdict(allowed=True, readings=())

    async def charge(self, charges: Sequence[Charge]) -> None:
        self.asked += 1
        raise LimitStoreError("gone")

    async def close(self) -> None:
        self.down = True


async def test_without_its_store_a_limit_is_open_or_closed_as_configured(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    for policy, allowed in (("open", True), ("closed", False)):
        store = FailingStore()
        limiter = Limiter(store, unavailable=policy, monotonic_s=lambda: now[0])  # type: ignore[arg-type]
        with caplog.at_level(logging.ERROR):
            for _ in range(5):
                admission = await limiter.admit(bound("1;w=60"))
                assert (admission.allowed, admission.degraded) == (allowed, True)
        await limiter.charge(bound("1;w=60;u=tokens"), tokens=5)
        assert (store.asked, limiter.unavailable) == (1, 6)
        assert headers(admission).get("retry-after") == (None if allowed else "1")
    assert len(caplog.records) == 2


async def test_a_store_that_is_back_is_asked_again() -> None:
    now = [0.0]
    store = FailingStore()
    limiter = Limiter(store, monotonic_s=lambda: now[0])
    assert (await limiter.admit(bound("1;w=60"))).degraded
    store.down = False
    assert (await limiter.admit(bound("1;w=60"))).degraded
    now[0] = 1.0
    assert not (await limiter.admit(bound("1;w=60"))).degraded
    await limiter.charge(bound("1;w=60;u=tokens"), tokens=5)
    assert limiter.unavailable == 3
