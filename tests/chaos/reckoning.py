"""After the blows: what callers received, and what every place that counts says of it."""

import asyncio
from collections import Counter
from dataclasses import dataclass

import httpx2

from tests.chaos.fleet import Fleet
from tests.chaos.receiver import Receiver
from tests.end_to_end.stack import Gateway
from tests.support.accounts import Account
from tests.support.load import Received
from tests.support.wait import eventually

PROJECT = "default"
THRESHOLDS = tuple(range(10, 101, 10))
LIMIT_NANOS = 20_000_000
"""Of the budget that is watched: about what some thousand calls of the load cost."""
SETTLED_S = 120.0

_CALLS = """
SELECT request_id, count(), sum(cost_nanos) FROM calls WHERE properties['load'] = {label:String}
GROUP BY request_id LIMIT 100000
"""
_SUMS = "SELECT count(), sum(cost_nanos) FROM calls"
_ROLLUP = "SELECT sum(requests), sum(cost_nanos) FROM usage_hourly"


def prepare(gateway: Gateway, receiver: Receiver) -> str:
    """Have a budget watched, and whoever listens told of it; return the rule's id."""
    channel = _post(gateway, "channels", kind="webhook", name="receiver", url=receiver.url)
    receiver.secret = channel["signing_secret"]
    rule = _post(
        gateway,
        "rules",
        name="Watched",
        metric="cost",
        limit=LIMIT_NANOS,
        window="month",
        thresholds_percent=list(THRESHOLDS),
        notify_resolved=False,
    )
    return str(rule["rule_id"])


def _post(gateway: Gateway, what: str, **fields: object) -> dict[str, str]:
    answer = httpx2.post(
        f"{gateway.api}/api/v1/admin/{what}", json={"project": PROJECT, **fields}, timeout=30
    )
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, str] = answer.json()
    return found


@dataclass(frozen=True)
class Reckoned:
    """Figures of a run whose accounts are equal."""

    answered: int
    broken: int
    recorded: int
    """Calls that have an event, the broken ones that have one included."""
    cost_nanos: int
    alerts: int

    def __str__(self) -> str:
        return (
            f"answered {self.answered}, broken {self.broken}\n"
            f"events = calls = usage = rollups: {self.recorded}; calls = usage = rollups = budget:"
            f" {self.cost_nanos} nano-dollars\n"
            f"{self.alerts} alerts, each delivered once"
        )


async def reckon(fleet: Fleet, received: Received, receiver: Receiver, rule_id: str) -> Reckoned:
    """Wait until everything has arrived, and compare.

    Every call whose whole answer a caller has is there once, at its exact cost, in events, calls, totals,
    rollups and the budget. A call that broke for its caller may be there as well, once.
    """
    await _until_arrived(fleet, received)
    rows = await asyncio.to_thread(fleet.gateway.sql, _CALLS, label=received.label)
    stored = {str(row[0]): (int(row[1]), int(row[2] or 0)) for row in rows}
    answered = {key: (1, cost) for key, cost in received.cost_nanos.items()}
    assert {key: stored.get(key) for key in answered} == answered
    assert stored.keys() - answered.keys() <= received.failed.keys()

    events = Counter(await asyncio.to_thread(_events, fleet))
    assert set(events.values()) <= {1}, "an event is there twice under two numbers"
    assert {key for key in events if key in stored} == set(stored)
    ((count, cost),) = await asyncio.to_thread(fleet.gateway.sql, _SUMS)
    assert int(count) == sum(events.values())
    whole = Account(int(count), int(cost))
    ((rolled, rolled_cost),) = await asyncio.to_thread(fleet.gateway.sql, _ROLLUP)
    assert Account(int(rolled), int(rolled_cost)) == whole
    await _until_equal(fleet, rule_id, whole)
    alerts = await _until_told(fleet.gateway, receiver, rule_id, whole.cost_nanos)
    return Reckoned(len(answered), len(received.failed), whole.requests, whole.cost_nanos, alerts)


async def _until_arrived(fleet: Fleet, received: Received) -> None:
    """Until every answered call is stored, and the number of calls does not grow any more."""
    seen: list[int] = []

    async def arrived() -> bool:
        ((count, _),) = await asyncio.to_thread(fleet.gateway.sql, _SUMS)
        seen.append(int(count))
        quiet = len(seen) > 3 and len(set(seen[-4:])) == 1
        return quiet and int(count) >= len(received.cost_nanos)

    try:
        await eventually(arrived, within_s=SETTLED_S, every_s=0.5)
    except AssertionError as error:
        stored = {row[0] for row in await asyncio.to_thread(fleet.gateway.sql, _CALLS, label=received.label)}
        missing = [key for key in received.cost_nanos if key not in stored]
        raise AssertionError(
            f"{len(received.cost_nanos)} answered, {seen[-1]} stored; missing {missing[:5]}"
        ) from error


def _events(fleet: Fleet) -> list[str]:
    return [placed.record.request_id for chunk in fleet.log().chunks() for placed in chunk.responses]


async def _until_equal(fleet: Fleet, rule_id: str, whole: Account) -> None:
    """Until totals and budget state say the same as the table of calls; they must never say more."""
    told: list[object] = []

    async def equal() -> bool:
        totals = await fleet.totals()
        project = totals.get((PROJECT, "project", "", PROJECT), Account(0, 0))
        spent = await asyncio.to_thread(_spent, fleet.gateway, rule_id)
        told.append((project, spent))
        return project == whole and spent == whole.cost_nanos

    try:
        await eventually(equal, within_s=SETTLED_S, every_s=0.5)
    except AssertionError as error:
        raise AssertionError(f"totals and budget {told[-1]}, calls {whole}") from error
    users = [account for key, account in (await fleet.totals()).items() if key[1] == "user"]
    assert sum(account.requests for account in users) == whole.requests
    assert sum(account.cost_nanos for account in users) == whole.cost_nanos


def _spent(gateway: Gateway, rule_id: str) -> int:
    answer = httpx2.get(f"{gateway.api}/api/v1/budgets", params={"rule": rule_id}, timeout=30)
    if answer.status_code == 503:  # it has just started and reads them still
        return -1
    assert answer.status_code == 200, answer.text
    (standing,) = answer.json()["budgets"]
    return sum(int(group["value"]) for group in standing["groups"])


async def _until_told(gateway: Gateway, receiver: Receiver, rule_id: str, cost_nanos: int) -> int:
    """Until each threshold that is passed was raised and told of; each once, none too many."""
    passed = {percent for percent in THRESHOLDS if cost_nanos * 100 >= percent * LIMIT_NANOS}
    once = Counter(passed)

    def told() -> Counter[int]:
        """Of each delivery once, however often it came: a try whose answer was lost is made again, under the
        same id, which is how a receiver knows it."""
        payloads = list(receiver.payloads.values())
        return Counter(int(payload["data"]["threshold_percent"]) for payload in payloads)

    def raised() -> Counter[int]:
        answer = httpx2.get(f"{gateway.api}/api/v1/alerts", params={"rule": rule_id}, timeout=30)
        assert answer.status_code == 200, answer.text
        return Counter(int(alert["threshold_percent"]) for alert in answer.json()["alerts"])

    def all_told() -> bool:
        return told().keys() >= passed and raised().keys() >= passed

    try:
        await eventually(lambda: asyncio.to_thread(all_told), within_s=SETTLED_S, every_s=0.5)
    except AssertionError as error:
        raise AssertionError(f"passed {sorted(passed)}, raised {raised()}, told {told()}") from error
    assert receiver.forged == []
    assert (raised(), told()) == (once, once)
    return len(passed)
