"""The same over a ClickHouse server, as far as clickhouse-connect's HTTP client is concerned."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallygate.runtime.clickhouse import StatementError, connect
from tallygate.schemas.call import Origin
from tallygate.stream_processors.errors import StoreUnavailableError
from tallygate.stream_processors.sink.migrate import migrate, migrations
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed
from tests.schemas.clickhouse.describe import DECLARED, describe
from tests.support.api import running_api, stored
from tests.support.chdb_front import FrontProcess
from tests.support.factories import call, request_event

ODD = "ä\n'\\\t\0 %s {x:String}"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontProcess]:
    """A server with the tables of this release."""
    process = FrontProcess(tmp_path_factory.mktemp("front") / "chdb")
    process.start()
    try:
        assert migrate(process.target) == list(migrations())
        yield process
    finally:
        process.kill()


def test_migrated_as_declared(front: FrontProcess) -> None:
    assert migrate(front.target) == []
    assert describe(front.target) == DECLARED.read_text(encoding="utf-8")


async def test_calls_by_sql_by_list_and_by_id(front: FrontProcess) -> None:
    calls = [call(request_id=f"http-{n}", user_id="http", prompt=ODD, cost_nanos=n) for n in range(30)]
    stored([*calls, call(user_id="http", project="other")], [request_event()], target=front.target)
    async with running_api(front.target) as api:
        answer = await api.sql(
            "SELECT count(), sum(cost_nanos) FROM calls WHERE user_id = {u:String} AND prompt = {p:String}",
            {"u": "http", "p": ODD},
        )
        assert answer["rows"] == [[30, 435]]
        page = await api.get("/api/v1/requests", ("user", "http"), ("limit", "20"))
        rest = await api.get("/api/v1/requests", ("user", "http"), ("cursor", page["next_cursor"]))
        assert len(page["requests"]) + len(rest["requests"]) == 30
        assert (await api.get("/api/v1/requests/http-7"))["prompt"] == ODD
        usage = await api.get("/api/v1/usage", ("by", "user"), ("user", "http"))
        assert usage["rows"][0]["cost_nanos"] == 435
        assert (await api.sql("SELECT arrayJoin(range(20000))"))["truncated"] is True
        assert await api.refused("SELECT toUInt8('x') FROM calls") == "query_failed"
        assert await api.refused("SELECT * FROM system.tables") == "table_not_allowed"
        assert await api.refused("SELECT FROM WHERE") == "syntax_error"
        assert (
            await api.refused("SELECT repeat('x', 10000) FROM (SELECT arrayJoin(range(9000)))")
            == "result_too_large"
        )
        async with api.client.get("/readyz") as response:
            assert response.status == 200


def test_a_large_batch_is_one_part(front: FrontProcess) -> None:
    origin_edge = "large"
    batch = [
        Placed(n, call(origin=Origin(edge_id=origin_edge, seq=n), prompt="x" * 500)) for n in range(12_000)
    ]
    store, session = ClickHouseStore(front.target), connect(front.target)
    store.insert_calls(5, batch)
    query = "SELECT count(DISTINCT _part), count() FROM call_log WHERE origin_edge = 'large'"
    assert session.rows(query) == [(1, 12_000)]
    assert store.applied(5).calls == {"large": 11_999}
    store.close()
    session.close()


def test_errors_have_clickhouses_code_and_sentence(front: FrontProcess) -> None:
    session = connect(front.target)
    with pytest.raises(StatementError, match=r"^Unknown table expression identifier 'nowhere'") as error:
        session.rows("SELECT * FROM nowhere")
    assert (error.value.code, error.value.name) == (60, "UNKNOWN_TABLE")
    session.close()


def test_a_killed_server_loses_no_batch_and_the_marks_tell_what_is_held(tmp_path: Path) -> None:
    front = FrontProcess(tmp_path / "chdb")
    front.start()
    try:
        migrate(front.target)
        store = ClickHouseStore(front.target)
        batches = [
            [Placed(n, call(origin=Origin(edge_id="a", seq=n))) for n in range(k, k + 50)] for k in (1, 51)
        ]
        store.insert_calls(0, batches[0])
        front.kill()
        with pytest.raises(StoreUnavailableError):
            store.insert_calls(0, batches[1])
        with pytest.raises(StoreUnavailableError):
            store.applied(0)
        front.start()
        assert store.applied(0).calls == {"a": 50}
        store.insert_calls(0, batches[1])
        assert store.applied(0).calls == {"a": 100}
        store.close()
    finally:
        front.kill()
