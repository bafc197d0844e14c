"""`POST /api/v1/sql` as its callers see it."""

import io
import json
import time
from contextlib import suppress

import pyarrow.parquet as pq
import pytest
from aiohttp import ClientError
from aiohttp.test_utils import TestClient, TestServer

from tallygate.analytics import console
from tallygate.analytics.app import build_app
from tallygate.analytics.console import MAX_SECONDS
from tallygate.runtime.clickhouse import connect
from tallygate.runtime.tasks import spawn
from tests.support.api import Api, running_api, stored
from tests.support.chdb_engine import migrated_target
from tests.support.factories import call
from tests.support.wait import eventually


async def test_answers_columns_rows_and_time() -> None:
    target = stored([call(cost_nanos=5), call(cost_nanos=7)])
    async with running_api(target) as api:
        answer = await api.sql("SELECT count() AS n, sum(cost_nanos) AS cost FROM calls")
    elapsed_ms = answer.pop("elapsed_ms")
    assert answer == {
        "columns": [{"name": "n", "type": "UInt64"}, {"name": "cost", "type": "Nullable(Int64)"}],
        "rows": [[2, 12]],
        "row_count": 1,
        "truncated": False,
    }
    assert 0 < elapsed_ms < 10_000


async def test_values_are_json_without_loss() -> None:
    values = {
        "toUInt64('18446744073709551615')": 18446744073709551615,
        "toInt64('-9223372036854775808')": -9223372036854775808,
        "toInt128('170141183460469231731687303715884105727')": 170141183460469231731687303715884105727,
        "toDecimal64('1.5', 9)": "1.5",
        "toDateTime64('2026-11-06 21:20:01.000001', 6, 'UTC')": "2026-11-06T21:20:01.000001Z",
        "toDateTime('2026-11-06 21:20:01', 'UTC')": "2026-11-06T21:20:01Z",
        "toDate('2026-11-06')": "2026-11-06",
        "map('a', 1, 'b', 2)": {"a": 1, "b": 2},
        "0 / 0": None,
        "1 / 0": None,
        "NULL": None,
        "[1, 2]": [1, 2],
        "tuple(1, 'x')": [1, "x"],
        "toBool(1)": True,
        "'ä\\0\\'\"'": "ä\0'\"",
        "toFloat64(0.1)": 0.1,
    }
    async with running_api() as api:
        rows = await api.rows("SELECT " + ", ".join(values))
    assert rows == [list(values.values())]


async def test_more_rows_than_the_limit_are_cut_and_told() -> None:
    async with running_api() as api:
        exactly = await api.sql("SELECT arrayJoin(range(10000)) AS n ORDER BY n")
        more = await api.sql("SELECT arrayJoin(range(10001)) AS n ORDER BY n")
    assert (exactly["row_count"], exactly["truncated"]) == (10_000, False)
    assert (more["row_count"], more["truncated"], more["rows"][-1]) == (10_000, True, [9999])


async def test_no_rows_still_have_columns() -> None:
    async with running_api() as api:
        answer = await api.sql("SELECT request_id FROM calls")
    assert (answer["columns"], answer["rows"]) == ([{"name": "request_id", "type": "String"}], [])


ODD = "a'b\\c\nd\te\"f{}é\U0001f600%(x)s $t$"


async def test_parameters_are_values_and_nothing_else() -> None:
    async with running_api() as api:
        rows = await api.rows(
            "SELECT {s:String}, {n:Nullable(String)}, {i:Int64}, {f:Float64}, {b:Bool}, {l:Array(String)},"
            " {t:DateTime64(6, 'UTC')}, {z:DateTime64(6, 'UTC')}, {s:String} = {s:String}, '{q:String}'",
            {
                "s": ODD,
                "n": None,
                "i": -5,
                "f": 0.25,
                "b": True,
                "l": [ODD, ""],
                "t": "2026-11-06T23:20:01.5+02:00",
                "z": "2026-11-06 21:20:01",
            },
        )
    time = "2026-11-06T21:20:01.500000Z"
    expected = [ODD, None, -5, 0.25, True, [ODD, ""], time, "2026-11-06T21:20:01.000000Z", 1, "{q:String}"]
    assert rows == [expected]


@pytest.mark.parametrize(
    ("query", "parameters", "code"),
    [
        ("SELECT {a:String}", {}, "missing_parameter"),
        ("SELECT 1", {"a": 1}, "unknown_parameter"),
        ("SELECT '{a:String}'", {"a": 1}, "unknown_parameter"),
        ("SELECT {a:Identifier} FROM calls", {"a": "model"}, "bad_parameter"),
        ("SELECT * FROM {a:Identifier}", {"a": "calls"}, "bad_parameter"),
        ("SELECT { a : identifier } FROM calls", {"a": "model"}, "bad_parameter"),
        ("SELECT {tallygate_project:String}", {"tallygate_project": "other"}, "bad_parameter"),
        ("SELECT {Tallygate_x:String}", {"Tallygate_x": "other"}, "bad_parameter"),
        ("SELECT {a:UInt8}", {"a": "no number"}, "query_failed"),
        ("SELECT {a:String}", {"a": {"k": "v"}}, "bad_parameter"),
        ("SELECT {a:}", {"a": 1}, "bad_parameter"),
    ],
)
async def test_bad_parameters_are_refused(query: str, parameters: dict[str, object], code: str) -> None:
    async with running_api() as api:
        assert await api.refused(query, parameters) == code


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("SELECT 'ä' /* é */ AS a,\n 'é' )) FROM calls", ")) FROM calls"),
        ("SELECT 1 FROM calls WHERE", ""),
        ("SELECT 1 FROM calls GROUP model", "model"),
    ],
)
async def test_a_syntax_error_tells_where(query: str, rest: str) -> None:
    async with running_api() as api:
        answer = await api.sql(query, status=400)
    error = answer["error"]
    assert error["code"] == "syntax_error"
    assert query[error["position"] :] == rest
    assert f"line {query.count(chr(10)) + 1}" in error["message"]
    assert "FORMAT TabSeparatedRaw" not in error["message"]


async def test_an_unknown_column_is_the_callers_mistake() -> None:
    async with running_api() as api:
        answer = await api.sql("SELECT no_such_column FROM calls", status=400)
    assert answer["error"]["code"] == "query_failed"
    assert "no_such_column" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"not json", 400, None),
        (b"[]", 400, None),
        (b"{}", 400, "query"),
        (b'{"query": 5}', 400, "query"),
        (b'{"query": ""}', 400, "query"),
        (b'{"query": "SELECT 1", "parameters": []}', 400, "parameters"),
        (b'{"query": "SELECT 1", "limit": 5}', 400, "limit"),
        (b'{"query": "SELECT \xff"}', 400, None),
    ],
)
async def test_a_bad_body_is_refused(body: bytes, status: int, param: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    async with running_api() as api, api.client.post("/api/v1/sql", data=body, headers=headers) as response:
        error = (await response.json())["error"]
        assert (response.status, error["code"], error.get("param")) == (status, "invalid_request", param)


async def test_a_body_must_say_that_it_is_json() -> None:
    async with running_api() as api:
        for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
            headers = {"Content-Type": content_type}
            async with api.client.post(
                "/api/v1/sql", data=b'{"query":"SELECT 1"}', headers=headers
            ) as response:
                assert response.status == 415


async def test_a_body_too_large_is_refused() -> None:
    headers = {"Content-Type": "application/json"}
    async with running_api() as api:
        body = io.BytesIO(b" " * 2_000_000)
        async with api.client.post("/api/v1/sql", data=body, headers=headers) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (413, "body_too_large")


async def test_an_error_does_not_show_up_in_the_next_answer() -> None:
    """chDB leaves what a failed query had written in its connection."""
    late_failure = "SELECT number, CAST(if(number = 99999, 'x', '1'), 'UInt8')"
    source = " FROM (SELECT arrayJoin(range(100000)) AS number)"
    async with running_api() as api:
        for _ in range(8):
            assert await api.refused(late_failure + source) == "query_failed"
            assert await api.rows("SELECT 1") == [[1]]


async def test_memory_is_limited() -> None:
    query = "SELECT groupArray(repeat('x', 100000)) FROM (SELECT arrayJoin(range(1000000)))"
    async with running_api() as api:
        assert await api.refused(query) == "memory_limit"


async def test_the_size_of_an_answer_is_limited() -> None:
    query = "SELECT repeat('x', 10000) FROM (SELECT arrayJoin(range(9000)))"
    async with running_api() as api:
        assert await api.refused(query) == "result_too_large"


async def test_a_running_query_does_not_hold_up_the_end() -> None:
    many = "(SELECT arrayJoin(range(100000)) AS n)"
    hard = f"SELECT count() FROM {many} AS x, {many} AS y WHERE cityHash64(x.n, y.n) = 1"
    server = TestServer(build_app(target := migrated_target()))
    await server.start_server()
    client = TestClient(server)
    task = spawn(client.post("/api/v1/sql", json={"query": hard}), name="hard query")
    session = connect(target)
    running = (
        "SELECT query FROM system.processes WHERE query LIKE '%cityHash64(x%' AND query NOT LIKE '%LIKE%'"
    )
    await eventually(lambda: session.rows(running))
    session.close()
    begin = time.monotonic()
    await server.close()
    assert time.monotonic() - begin < MAX_SECONDS / 2
    with suppress(ClientError):
        await task
    await client.close()


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ("SELECT modle FROM calls", 7),
        ("SELECT c.modle FROM calls AS c", 9),
        ("SELECT 1 FROM\n cals", 15),
        ("SELECT 'é', `modle` FROM calls", 12),
        ("SELECT model FROM calls WHERE modell = 'x'", 30),
        ("SELECT model, count() FROM calls", 7),
        ("SELECT sum(model) FROM calls", 7),
        ("SELECT 1 + nope(1)", 11),
        ("SELECT 1 FROM file('/etc/passwd')", 14),
        ("SELECT 1 + 'a'", None),
    ],
)
async def test_an_error_points_at_its_place(query: str, position: int | None) -> None:
    async with running_api(stored([call()])) as api:
        error = (await api.sql(query, status=400))["error"]
    assert error.get("position") == position
    assert "default" not in error["message"]
    assert "test_" not in error["message"]


async def download(api: Api, query: str, fmt: str) -> tuple[int, bytes, str]:
    """Status, body and content type."""
    async with api.client.post("/api/v1/sql", json={"query": query, "format": fmt}) as response:
        return response.status, await response.read(), response.content_type


async def test_results_as_files() -> None:
    query = "SELECT model AS m, cost_nanos, cost_usd, NULL AS n FROM calls ORDER BY m"
    calls = [call(model='a"b', cost_nanos=5), call(model="c", priced=False, cost_nanos=None)]
    async with running_api(stored([*calls, call(project="other")])) as api:
        assert await download(api, query, "csv") == (
            200,
            b'"m","cost_nanos","cost_usd","n"\n"a""b",5,0.000000005,\n"c",,,\n',
            "text/csv",
        )
        _, lines, _ = await download(api, query, "jsonl")
        status, parquet, kind = await download(api, query, "parquet")
    assert [json.loads(line)["cost_nanos"] for line in lines.splitlines()] == [5, None]
    table = pq.read_table(io.BytesIO(parquet))
    assert (status, kind, table.column("m").to_pylist()) == (
        200,
        "application/vnd.apache.parquet",
        ['a"b', "c"],
    )


async def test_a_file_is_whole_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(console.FILE_LIMITS, "max_result_rows", 20_000)
    async with running_api(stored([call()])) as api:
        status, data, _ = await download(api, "SELECT arrayJoin(range(20000)) FROM calls", "csv")
        assert (status, data.count(b"\n")) == (200, 20_001)
        status, data, _ = await download(api, "SELECT arrayJoin(range(20001)) FROM calls", "csv")
        assert (status, json.loads(data)["error"]["code"]) == (400, "result_too_large")
        for fmt in ("csv", "jsonl", "parquet"):
            status, data, _ = await download(api, "SELECT * FROM file('/etc/passwd')", fmt)
            assert json.loads(data)["error"]["code"] == "table_function_not_allowed"
            status, data, _ = await download(api, "SELECT count() FROM calls FORMAT Null", fmt)
            assert status == 400
