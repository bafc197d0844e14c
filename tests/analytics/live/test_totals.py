"""Running totals over HTTP: equal to what ClickHouse sums up itself, in both ways to run."""

import random
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tallygate.analytics.live.source import Live, TotalsSource
from tallygate.infra.live import StateTotals, TopicTotals
from tallygate.runtime.clickhouse import Target
from tallygate.schemas.call import Origin
from tallygate.schemas.codec import encode_sparse
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.embedded import EmbeddedRunner
from tallygate.stream_processors.faust_worker.totals_state import PartitionTotals
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.tokens import TokenCounter
from tallygate.stream_processors.usage import encode_key
from tests.support.api import Api, running_api
from tests.support.chdb_engine import migrated_target
from tests.support.factories import response_event
from tests.support.outboxes import FilledOutbox

ZONE = "Asia/Kathmandu"
PRICER = Pricer(counter=TokenCounter(load=False))
OUTCOMES = ("ok", "ok", "ok", "timeout", "client_cancelled", "provider_error", "cache_hit", "rejected")


def events(number: int) -> list[ResponseEvent]:
    """Calls of the last days, of every outcome and with every label."""
    chance = random.Random(20261125)
    now_us = time.time_ns() // 1000
    return [
        response_event(
            received_at_us=(received := now_us - chance.randrange(3 * 86_400_000_000)),
            ended_at_us=received + at,
            outcome=chance.choice(OUTCOMES),
            latency_us=chance.randrange(1, 9_000_000),
            ttft_us=chance.choice([None, chance.randrange(900_000)]),
            key_id=f"key-{at % 3}",
            session_id=f"session-{at % 20}",
            model=chance.choice(["gpt-4o-mini-2024-07-18", "nobody-knows-it"]),
            properties={"Team": f"t{at % 4}", "Workflow": f"w{at % 2}", "Step": f"s{at % 3}"},
        )
        for at in range(number)
    ]


def embedded(directory: Path, target: Target, made: list[ResponseEvent]) -> TotalsSource:
    """The state of a core that has taken these calls."""
    outbox = FilledOutbox(directory / "outbox")
    outbox.add_all(made)
    store, state = ClickHouseStore(target), directory / "state.db"
    book = RuleBook(version=1, time_zones={"default": ZONE})
    runner = EmbeddedRunner(directory / "outbox", state, store, PRICER, rules=lambda: book)
    stop = threading.Event()
    stop.set()
    runner.run(stop)
    store.close()
    return StateTotals(state)


def distributed(directory: Path, target: Target, made: list[ResponseEvent]) -> TotalsSource:
    """What two partitions of `llm.usage` would hold of these calls."""
    embedded(directory, target, made)  # for ClickHouse
    source = TopicTotals()
    partitions = [PartitionTotals(number, [], 0) for number in (0, 1)]
    for at, event in enumerate(made):
        call = PRICER.price(event.model_copy(update={"origin": Origin(edge_id="e", seq=at)}))
        counted = partitions[at % 2].count([call], lambda _: ZONE, time.time_ns() // 1000)
        for key, totals in counted.changed.items():
            source.latest.take(at % 2, encode_key(key), encode_sparse(totals))
    source.caught_up = True
    return source


@pytest.fixture(scope="module", params=[embedded, distributed])
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TotalsSource, Target]:
    target = migrated_target()
    return request.param(tmp_path_factory.mktemp("totals"), target, events(400)), target


@pytest.fixture
async def api(source: tuple[TotalsSource, Target]) -> AsyncIterator[Api]:
    totals, target = source
    async with running_api(target, live=Live(totals, lambda _project: ZONE)) as running:
        yield running


COLUMNS = {
    "requests": "count()",
    "errors": "countIf(outcome NOT IN ('ok', 'cache_hit'))",
    "timeouts": "countIf(outcome = 'timeout')",
    "cancelled": "countIf(outcome = 'client_cancelled')",
    "cache_hits": "countIf(outcome = 'cache_hit')",
    "unpriced": "countIf(NOT priced)",
    "cost_nanos": "ifNull(sum(cost_nanos), 0)",
    "input_tokens": "sum(input_tokens)",
    "output_tokens": "sum(output_tokens)",
}
DIMENSIONS = {
    ("project", ""): "project",
    ("user", ""): "user_id",
    ("key", ""): "key_id",
    ("model", ""): "model",
    ("provider", ""): "provider",
    ("session", ""): "session_id",
    ("property", "Team"): "properties['team']",
    ("workflow", ""): "properties['workflow']",
    ("workflow", "w1"): "if(properties['workflow'] = 'w1', properties['step'], '')",
}
STARTS = {
    "hour": "toStartOfHour(toTimeZone(received_at, {zone:String}))",
    "day": "toStartOfDay(received_at, {zone:String})",
    "week": "toStartOfWeek(received_at, 1, {zone:String})",
    "month": "toStartOfMonth(received_at, {zone:String})",
}


async def asked(api: Api, dimension: tuple[str, str], **more: str) -> dict[str, dict[str, Any]]:
    pairs = {"dimension": dimension[0], "name": dimension[1], **more}
    answer = await api.get("/api/v1/usage/totals", *pairs.items())
    assert not answer["truncated"]
    return {row["value"]: row for row in answer["rows"]}


async def summed(api: Api, dimension: tuple[str, str], where: str = "1") -> dict[str, dict[str, Any]]:
    sums = ", ".join(COLUMNS.values())
    query = (
        f"SELECT {DIMENSIONS[dimension]} AS value, {sums}, arraySort(groupArray(latency_ms)) FROM calls"
        f" WHERE {where} GROUP BY value HAVING value != '' LIMIT 1000"
    )
    rows = await api.rows(query, {"zone": ZONE} if "zone" in where else None)
    return {row[0]: dict(zip([*COLUMNS, "latencies"], row[1:], strict=True)) for row in rows}


def assert_same(found: dict[str, dict[str, Any]], wanted: dict[str, dict[str, Any]]) -> None:
    assert {value: {name: row[name] for name in COLUMNS} for value, row in found.items()} == {
        value: {name: int(row[name]) for name in COLUMNS} for value, row in wanted.items()
    }
    for value, row in found.items():
        latencies = wanted[value]["latencies"]
        p95 = float(latencies[int(0.95 * (len(latencies) - 1))])
        assert row["latency_ms_p95"] == pytest.approx(p95, rel=0.0101)


@pytest.mark.parametrize("dimension", DIMENSIONS)
async def test_all_time_is_what_clickhouse_sums_up(api: Api, dimension: tuple[str, str]) -> None:
    found = await asked(api, dimension)
    assert found
    assert_same(found, await summed(api, dimension))


@pytest.mark.parametrize("period", STARTS)
@pytest.mark.parametrize("previous", ["false", "true"])
async def test_periods_are_those_of_the_time_zone(api: Api, period: str, previous: str) -> None:
    for dimension in (("project", ""), ("user", ""), ("property", "Team")):
        found = await asked(api, dimension, period=period, previous=previous)
        start = f"date_trunc('{period}', toTimeZone(now(), {{zone:String}}))"
        if previous == "true":
            start = f"date_trunc('{period}', {start} - INTERVAL 1 {period.upper()})"
        where = f"date_trunc('{period}', toTimeZone(received_at, {{zone:String}})) = {start}"
        assert_same(found, await summed(api, dimension, where))


async def test_one_value_and_the_costliest(api: Api) -> None:
    one = await asked(api, ("user", ""), value="user-3")
    assert list(one) == ["user-3"]
    assert one["user-3"]["last_seen"]
    answer = await api.get("/api/v1/usage/totals", ("dimension", "session"), ("limit", "3"))
    assert answer["truncated"]
    costs = [row["cost_nanos"] for row in answer["rows"]]
    assert costs == sorted(costs, reverse=True)
    everything = await asked(api, ("session", ""))
    assert costs[0] == max(row["cost_nanos"] for row in everything.values())
    assert await asked(api, ("user", ""), value="nobody") == {}


@pytest.mark.parametrize(
    ("pairs", "param"),
    [
        ({"dimension": "weather"}, "dimension"),
        ({"dimension": "property"}, "name"),
        ({"dimension": "user", "name": "x"}, "name"),
        ({"period": "year"}, "period"),
        ({"previous": "true"}, "previous"),
        ({"limit": "0"}, "limit"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_bad_parameters_are_named(api: Api, pairs: dict[str, str], param: str) -> None:
    answer = await api.get("/api/v1/usage/totals", *pairs.items(), status=400)
    assert answer["error"]["param"] == param


async def test_without_a_state_the_answer_is_503(tmp_path: Path) -> None:
    for live in (None, Live(StateTotals(tmp_path / "none.db"), lambda _: "UTC"), Live(TopicTotals(), str)):
        async with running_api(live=live) as api:
            answer = await api.get("/api/v1/usage/totals", status=503)
            assert answer["error"]["code"] == "totals_not_ready"
