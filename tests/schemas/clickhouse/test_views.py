"""The views: what they show, and that ClickHouse answers them as cheaply as the schema intends."""

from typing import Any

import pytest

from tallygate.runtime.clickhouse import Session, connect
from tallygate.schemas.call import Attempt, Origin
from tests.support.api import stored
from tests.support.chdb_engine import migrated_target
from tests.support.factories import NOV_2026_US, call, request_event

_FIRST_COLUMNS = """
request_id received_at project user_id key_id session_id session_path properties endpoint
model_requested model provider status outcome stream input_tokens output_tokens cached_input_tokens
cache_write_tokens reasoning_tokens cost_nanos priced token_source latency_ms ttft_ms cache attempts
prompt response
"""
FIRST_COLUMNS = _FIRST_COLUMNS.split()

NO_PROJECTIONS = {"optimize_use_projections": 0, "optimize_use_implicit_projections": 0}


def session_of(*calls: Any, **settings: Any) -> Session:
    """A session over these calls."""
    return connect(stored(calls) if calls else migrated_target(), settings=settings)


def merged(*calls: Any) -> Session:
    """A session over these calls, in a part that has its projections."""
    session = session_of(*calls)
    session.command("OPTIMIZE TABLE call_log FINAL")
    return session


def plan(session: Session, query: str) -> str:
    """How ClickHouse would answer."""
    return session.raw("EXPLAIN header = 1, indexes = 1 " + query, "TabSeparatedRaw").decode()


def test_calls_begins_with_the_documented_columns() -> None:
    session = session_of()
    rows = session.rows(
        "SELECT name, comment FROM system.columns WHERE database = currentDatabase() AND table = 'calls'"
        " ORDER BY position"
    )
    session.close()
    assert [name for name, _ in rows[: len(FIRST_COLUMNS)]] == FIRST_COLUMNS


@pytest.mark.parametrize("kind", ["View", "MergeTree"])
def test_every_column_is_explained(kind: str) -> None:
    session = session_of()
    rows = session.rows(
        "SELECT table, c.name FROM system.columns AS c JOIN system.tables AS t"
        " ON c.database = t.database AND c.table = t.name"
        " WHERE c.database = currentDatabase() AND t.engine = {kind:String} AND c.comment = ''"
        " AND c.table != 'schema_migrations' AND c.name NOT LIKE 'attempt.%'",
        {"kind": kind},
    )
    session.close()
    assert rows == []


def test_attempts_are_numbered() -> None:
    tries = [
        Attempt(provider=name, started_at_us=NOV_2026_US + n, latency_us=1500) for n, name in enumerate("ab")
    ]
    session = session_of(call(attempts=tries), call(attempts=[]))
    rows = session.rows("SELECT attempt, provider, latency_ms FROM attempts ORDER BY attempt")
    counted = session.rows("SELECT attempts FROM calls ORDER BY attempts")
    session.close()
    assert rows == [(1, "a", 1.5), (2, "b", 1.5)]
    assert counted == [(0,), (2,)]


def test_cost_in_dollars_is_exact() -> None:
    session = session_of(call(cost_nanos=1), call(cost_nanos=-(2**63)), call(priced=False, cost_nanos=None))
    rows = session.rows("SELECT toString(cost_usd) FROM calls ORDER BY cost_nanos NULLS LAST")
    session.close()
    assert rows == [("-9223372036.854775808",), ("0.000000001",), (None,)]


def test_unanswered_are_the_calls_that_never_ended() -> None:
    ended, lost = request_event(), request_event()
    calls = [call(request_id=ended.request_id, received_at_us=ended.received_at_us)]
    # The same id in another project is another call.
    calls.append(call(request_id=lost.request_id, project="other", received_at_us=lost.received_at_us))
    session = connect(stored(calls, [ended, lost]))
    rows = session.rows("SELECT request_id, model_requested FROM unanswered")
    count = session.rows("SELECT count() FROM requests")
    session.close()
    assert rows == [(lost.request_id, lost.model_requested)]
    assert count == [(2,)]


_SUMS = """
requests errors unpriced cost_nanos input_cost_nanos output_cost_nanos input_tokens output_tokens
cached_input_tokens cache_write_tokens reasoning_tokens input_audio_tokens output_audio_tokens
latency_us
"""
SUMS = _SUMS.split()


def many_calls() -> list[Any]:
    """Calls of several hours, users, models and outcomes."""
    return [
        call(
            received_at_us=NOV_2026_US + n * 700_000_000,
            user_id=f"u{n % 5}",
            model=f"m{n % 3}",
            outcome=("ok", "timeout", "cache_hit")[n % 3],
            priced=n % 4 != 0,
            cost_nanos=None if n % 4 == 0 else 10**15 + n,
            input_tokens=n,
            cached_input_tokens=n % 2,
            reasoning_tokens=n % 7,
            latency_us=n * 1000,
        )
        for n in range(200)
    ]


@pytest.mark.parametrize(
    ("view", "projection", "group", "time"),
    [
        ("usage_hourly", "hourly", "model", "toStartOfHour(received_at)"),
        ("usage_daily", "daily_by_user", "user_id", "toStartOfDay(received_at)"),
    ],
)
def test_rollups_equal_the_calls_and_come_from_the_projection(
    view: str, projection: str, group: str, time: str
) -> None:
    name = view.removeprefix("usage_").replace("daily", "day").replace("hourly", "hour")
    sums = ", ".join(f"sum({column}) AS {column}" for column in SUMS)
    target = stored(many_calls())
    rollup, raw = connect(target), connect(target, settings=NO_PROJECTIONS)
    rollup.command("OPTIMIZE TABLE call_log FINAL")
    by = f"FROM {view} WHERE project = 'default' GROUP BY 1, 2 ORDER BY 1, 2"
    query = f"SELECT {name}, {group}, {sums}, max(latency_us_max) {by}"
    base = (
        f"SELECT {time}, {group}, count(), countIf(outcome NOT IN ('ok', 'cache_hit')), countIf(NOT priced), "
        + ", ".join(f"sum({column})" for column in SUMS[3:])
        + ", max(latency_us) FROM calls WHERE project = 'default' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert rollup.rows(query) == raw.rows(query) == raw.rows(base)
    assert f"ReadFromMergeTree ({projection})" in plan(rollup, query)
    rollup.close()
    raw.close()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(), sum(cost_nanos) FROM calls WHERE project = 'default'",
        "SELECT model, sum(cost_nanos), max(latency_us) FROM calls WHERE project = 'default' GROUP BY 1",
        "SELECT toStartOfHour(received_at), count() FROM calls WHERE project = 'default' GROUP BY 1",
    ],
)
def test_sums_over_calls_come_from_the_projection(query: str) -> None:
    session = merged(*many_calls())
    assert "ReadFromMergeTree (hourly" in plan(session, query)
    session.close()


def test_sums_over_calls_do_not_read_bodies() -> None:
    session = session_of(*many_calls(), **NO_PROJECTIONS)
    told = plan(session, "SELECT count(), sum(cost_nanos), max(latency_ms), avg(attempts) FROM calls")
    whole = plan(session, "SELECT * FROM calls")
    session.close()
    # Every step lists what it passes on.
    assert "cost_nanos" in told
    assert "prompt" not in told.replace("prompt_", "")
    assert "response" not in told.replace("response_", "")
    assert "prompt" in whole.replace("prompt_", "")


def test_the_marks_come_from_their_projection() -> None:
    session = merged(*many_calls())
    for table in ("call_log", "request_log"):
        query = f"SELECT origin_edge, max(origin_seq) FROM {table} WHERE source_partition = 0 GROUP BY 1"
        told = plan(session, query)
        assert "(high_water)" in told or "ReadNothing" in told
    session.close()


def test_an_id_is_found_by_its_index() -> None:
    session = session_of(*many_calls())
    told = plan(session, "SELECT * FROM calls WHERE project = 'default' AND request_id = 'no such id'")
    session.close()
    assert "by_request_id" in told
    assert "Granules: 0/1" in told


def test_deletes_and_expired_bodies_leave_the_rollups_right() -> None:
    old = [
        call(received_at_us=1_700_000_000_000_000 + n, user_id=f"u{n % 3}", cost_nanos=n) for n in range(30)
    ]
    new = [call(user_id=f"u{n % 3}", cost_nanos=1000 + n) for n in range(30)]
    target = stored(old)
    stored(new, target=target)
    session, raw = connect(target), connect(target, settings=NO_PROJECTIONS)
    query = "SELECT user_id, sum(requests), sum(cost_nanos) FROM usage_daily GROUP BY 1 ORDER BY 1"
    hourly = "SELECT hour, sum(requests), sum(cost_nanos) FROM usage_hourly GROUP BY 1 ORDER BY 1"
    for statement in (
        "OPTIMIZE TABLE call_log FINAL",
        "DELETE FROM call_log WHERE user_id = 'u1'",
        "OPTIMIZE TABLE call_log FINAL",
        "ALTER TABLE call_log MATERIALIZE TTL SETTINGS mutations_sync = 2",
    ):
        session.command(statement)
        assert session.rows(query) == raw.rows(query), statement
        assert session.rows(hourly) == raw.rows(hourly), statement
        assert "(daily_by_user)" in plan(session, query)
    assert [user for user, *_ in session.rows(query)] == ["u0", "u2"]
    kept = session.rows("SELECT year(received_at), prompt != '', count() FROM calls GROUP BY 1, 2 ORDER BY 1")
    assert kept == [(2023, 0, 20), (2026, 1, 20)]
    session.close()
    raw.close()


def test_origin_numbers_outlive_merges() -> None:
    calls = [call(origin=Origin(edge_id=f"e{n % 2}", seq=n + 1)) for n in range(10)]
    target = stored(calls[:5])
    stored(calls[5:], target=target)
    session = connect(target)
    session.command("OPTIMIZE TABLE call_log FINAL")
    rows = session.rows("SELECT origin_edge, max(origin_seq) FROM call_log GROUP BY 1 ORDER BY 1")
    session.close()
    assert rows == [("e0", 9), ("e1", 10)]
