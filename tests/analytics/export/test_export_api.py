"""Exports as their callers see them: whole, in every format, bounded, and with their progress."""

import csv
import io
import json
from typing import Any

import aiohttp
import pyarrow.parquet as pq
import pytest

from tallygate.analytics.errors import RequestError
from tallygate.analytics.export import pages
from tallygate.analytics.export.progress import KEPT, MAX_RUNNING, Exports
from tallygate.analytics.keys import CALLS
from tallygate.runtime.clickhouse import UnavailableError
from tests.support.api import Api, running_api, stored
from tests.support.factories import NOV_2026_US, call
from tests.support.month import DAYS, OCT_20_US, month
from tests.support.wait import eventually

PATH = "/api/v1/requests/export"
SPAN = (("from", str(OCT_20_US)), ("to", str(OCT_20_US + DAYS * 86_400_000_000)))
NEAR = (("from", "2026-11-06"), ("to", "2026-11-08"))


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_ROWS", 37)


async def fetched(api: Api, *pairs: tuple[str, str]) -> tuple[bytes, Any]:
    """An export and its headers."""
    async with api.client.get(PATH, params=list(pairs)) as response:
        assert response.status == 200, await response.text()
        return await response.read(), response.headers


def rows_of(fmt: str, data: bytes) -> list[dict[str, Any]]:
    """The rows of a file."""
    if fmt == "csv":
        return list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    if fmt == "jsonl":
        return [json.loads(line) for line in data.decode().splitlines()]
    return list(pq.read_table(io.BytesIO(data)).to_pylist())


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_every_call_once_in_order(fmt: str, order: str) -> None:
    calls, target = month()
    async with running_api(target) as api:
        data, headers = await fetched(api, *SPAN, ("format", fmt), ("order", order))
    rows = rows_of(fmt, data)
    assert len(rows) == len(calls) == int(headers["Tallygate-Total-Rows"])
    expected = sorted(calls, key=lambda one: (one.received_at_us, one.request_id), reverse=order == "desc")
    assert [row["request_id"] for row in rows] == [one.request_id for one in expected]
    assert sum(int(row["cost_nanos"] or 0) for row in rows) == sum(one.cost_nanos or 0 for one in calls)
    assert headers["Content-Disposition"].endswith(f'.{fmt}"')
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_what_is_in_a_row() -> None:
    one = call(
        properties={"Env": 'a"b,c\n'},
        prompt="x\ny",
        response="ä",
        priced=False,
        cost_nanos=None,
        ttft_us=None,
        received_at_us=NOV_2026_US,
    )
    async with running_api(stored([one, call(project="other", received_at_us=NOV_2026_US)])) as api:
        found = {}
        for fmt in ("csv", "jsonl", "parquet"):
            data, _ = await fetched(api, *NEAR, ("format", fmt), ("bodies", "true"))
            (found[fmt],) = rows_of(fmt, data)
    assert json.loads(found["csv"]["properties"]) == found["jsonl"]["properties"] == {"Env": 'a"b,c\n'}
    assert found["parquet"]["properties"] == [("Env", 'a"b,c\n')]
    assert {row["prompt"] for row in found.values()} == {"x\ny"}
    assert (found["csv"]["cost_usd"], found["jsonl"]["cost_usd"], found["parquet"]["cost_usd"]) == (
        "",
        None,
        None,
    )
    assert found["csv"]["received_at"] == found["jsonl"]["received_at"] == "2026-11-06T21:20:00.000000Z"
    assert found["parquet"]["received_at"].isoformat() == "2026-11-06T21:20:00+00:00"
    assert (found["csv"]["priced"], found["jsonl"]["priced"], found["parquet"]["priced"]) == (
        "false",
        False,
        False,
    )
    assert (found["jsonl"]["attempts"], found["jsonl"]["latency_ms"]) == (1, 812.345)


async def test_nothing_is_a_file_too() -> None:
    async with running_api() as api:
        for fmt in ("csv", "jsonl", "parquet"):
            data, headers = await fetched(api, ("format", fmt))
            assert rows_of(fmt, data) == []
            assert headers["Tallygate-Total-Rows"] == "0"
    assert "request_id" in pq.read_table(io.BytesIO(data)).column_names


async def test_filters_and_properties_of_either_case() -> None:
    calls, target = month()
    tree = {"field": "property.env", "op": "eq", "value": "x"}
    wanted = {one.request_id for one in calls if one.properties.get("Env") == "x" and one.model == "a"}
    async with running_api(target) as api:
        for fmt in ("csv", "jsonl"):
            pairs = (("format", fmt), ("property.ENV", "x"), ("model", "a"))
            data, _ = await fetched(api, *SPAN, *pairs)
            assert {row["request_id"] for row in rows_of(fmt, data)} == wanted
        both = {"and": [tree, {"field": "model", "op": "eq", "value": "a"}]}
        body = {**dict(SPAN), "format": "jsonl", "filter": both}
        async with api.client.post(PATH, json=body) as response:
            assert {row["request_id"] for row in rows_of("jsonl", await response.read())} == wanted


async def test_large_bodies_make_small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 1000)
    sizes = [10, 400, 5000, 10, 10, 990, 20_000]
    calls = [
        call(
            prompt="p" * size,
            prompt_bytes=size,
            response="",
            response_bytes=0,
            received_at_us=NOV_2026_US + n,
        )
        for n, size in enumerate(sizes)
    ]
    async with running_api(stored(calls)) as api:
        data, _ = await fetched(api, *NEAR, ("format", "jsonl"), ("bodies", "true"), ("order", "asc"))
    assert [len(row["prompt"]) for row in rows_of("jsonl", data)] == sizes


async def test_progress_by_an_id_of_ones_own() -> None:
    _, target = month()
    async with running_api(target) as api:
        await api.get("/api/v1/requests/exports/mine", status=404)
        data, headers = await fetched(api, *SPAN, ("export_id", "mine"))
        told = await api.get("/api/v1/requests/exports/mine")
        other, _ = await fetched(api, *SPAN)
    assert told == {
        "export_id": "mine",
        "state": "done",
        "rows": 400,
        "rows_total": 400,
        "bytes": len(data),
    }
    assert (headers["Tallygate-Export-Id"], other) == ("mine", data)


async def test_an_export_that_breaks_off_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    _, target = month()
    async with running_api(target) as api:
        calls, done = api.client.app[CALLS], []

        def failing(*_: Any) -> Any:
            done.append(1)
            if len(done) > 2:
                raise UnavailableError("gone")
            return real(*_)

        real = calls.raw
        monkeypatch.setattr(calls, "raw", failing)
        with pytest.raises(aiohttp.ClientError):
            await fetched(api, *SPAN, ("export_id", "broken"))
        told = await api.get("/api/v1/requests/exports/broken")
    assert (told["state"], told["rows"]) == ("failed", 74)


@pytest.mark.parametrize(
    ("pairs", "param"),
    [
        ([("format", "xlsx")], "format"),
        ([("order", "up")], "order"),
        ([("bodies", "perhaps")], "bodies"),
        ([("export_id", "a/b")], "export_id"),
        ([("limit", "5")], "limit"),
        ([("filter", "x")], "filter"),
        ([("from", "x")], "from"),
    ],
)
async def test_a_bad_parameter_is_named(pairs: list[tuple[str, str]], param: str) -> None:
    async with running_api() as api:
        assert (await api.get(PATH, *pairs, status=400))["error"]["param"] == param


def test_so_many_at_once_and_no_more() -> None:
    exports = Exports()
    running = [exports.running("p", f"{n}") for n in range(MAX_RUNNING)]
    started = [each.__enter__() for each in running]
    with pytest.raises(RequestError) as caught, exports.running("p", "more"):
        pass
    assert caught.value.status == 503
    started[0].state = "done"
    running[0].__exit__(None, None, None)
    with pytest.raises(RequestError) as caught, exports.running("p", "1"):
        pass
    assert caught.value.status == 409
    with exports.running("q", "1"):
        pass
    states = [exports.find(project, "1") for project in ("p", "q", "r")]
    assert [state and state.state for state in states] == ["running", "failed", None]
    for n in range(KEPT):
        with exports.running("p", f"later{n}"):
            pass
    assert exports.find("p", "1") is None


async def test_a_caller_who_leaves_ends_the_export() -> None:
    _, target = month()
    async with running_api(target) as api:
        async with api.client.get(PATH, params=[*SPAN, ("export_id", "left")]) as response:
            response.close()

        async def ended() -> bool:
            return bool((await api.get("/api/v1/requests/exports/left"))["state"] != "running")

        await eventually(ended)
        assert len(rows_of("csv", (await fetched(api, *SPAN))[0])) == 400
