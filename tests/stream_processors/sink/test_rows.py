"""Records as columns: pure, and never refused by ClickHouse's types."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.runtime.clickhouse import connect, encode_native
from tallygate.runtime.clickhouse_errors import StatementError
from tallygate.schemas.call import Attempt, Origin
from tallygate.schemas.events import RequestEvent
from tallygate.schemas.records import Call
from tallygate.stream_processors.sink import rows
from tallygate.stream_processors.sink.rows import Block, Bounds, call_block, month_of, request_block, runs
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed
from tests.support.chdb_engine import migrated_target
from tests.support.factories import call, request_event

UNSTORED = {"record", "schema_version", "event", "event_id", "origin", "attempts", "webhook"}
"""Fields that have no column of their own name: what they hold is in others, the same for all rows, or a wish
that was seen to before."""


def row(block: Block, index: int = 0) -> dict[str, Any]:
    """A row of a block by name."""
    return {name: column[index] for name, column in zip(block.names, block.columns, strict=True)}


def test_a_call_as_a_row() -> None:
    one = call(origin=Origin(edge_id="e", seq=7), outcome="timeout", received_at_us=5, ended_at_us=9)
    found = row(call_block(3, [Placed(11, one)]))
    assert (found["source_partition"], found["source_offset"]) == (3, 11)
    assert (found["origin_edge"], found["origin_seq"]) == ("e", 7)
    assert (found["received_at"], found["ended_at"], found["outcome"]) == (5, 9, "timeout")
    assert found["attempt.provider"] == ["openai"]
    assert found["attempt.latency_us"] == [800_000]
    assert (found["cost_nanos"], found["priced"], found["prompt"]) == (4_800, True, one.prompt)


@pytest.mark.parametrize(
    ("model", "block"),
    [
        (Call, call_block(0, [Placed(0, call())])),
        (RequestEvent, request_block(0, [Placed(0, request_event())])),
    ],
)
def test_every_field_of_a_record_is_stored(model: type[Call | RequestEvent], block: Block) -> None:
    fields = {re.sub(r"_at_us$", "_at", name) for name in model.model_fields} - UNSTORED
    assert fields <= set(block.names)


def test_every_field_of_an_attempt_is_stored() -> None:
    names = {f"attempt.{re.sub(r'_at_us$', '_at', name)}" for name in Attempt.model_fields}
    assert names == {name for name in call_block(0, [Placed(0, call())]).names if name.startswith("attempt.")}


@pytest.mark.parametrize(
    ("table", "block"),
    [
        ("call_log", call_block(0, [Placed(0, call())])),
        ("request_log", request_block(0, [Placed(0, request_event())])),
    ],
)
def test_the_columns_are_those_of_the_table(table: str, block: Block) -> None:
    session = connect(migrated_target())
    columns = session.rows(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
        {"table": table},
    )
    session.close()
    assert dict(zip(block.names, block.types, strict=True)) == dict(columns)


SURROGATE = "a\ud800b"
CLEAN = "a?b"


def test_what_clickhouse_has_no_room_for_is_brought_into_range() -> None:
    """Constructed without validation: pydantic lets no lone surrogate in, but a processor may make one."""
    wild = call(
        received_at_us=10**30,
        ended_at_us=2**63,
        latency_us=2**70,
        ttft_us=2**70,
        attempts=[Attempt(provider="p", started_at_us=10**30, latency_us=2**80, delay_us=2**64)],
    ).model_copy(update={"user_id": SURROGATE, "prompt": SURROGATE, "properties": {SURROGATE: SURROGATE}})
    target = migrated_target()
    store = ClickHouseStore(target)
    store.insert_calls(0, [Placed(0, wild)])
    session = connect(target)
    found = session.rows(
        "SELECT toString(received_at), toString(ended_at), latency_us, ttft_us, user_id, prompt, properties"
        " FROM calls"
    )
    session.close()
    store.close()
    last = "2299-12-31 23:59:59.999999"
    assert found == [(last, last, 2**63 - 1, 2**63 - 1, CLEAN, CLEAN, {CLEAN: CLEAN})]


text = st.text(st.characters(exclude_categories=()), max_size=30)
maps = st.dictionaries(text, text, max_size=3)
counts = st.integers(0, 2**63 - 1)
money = st.none() | st.integers(-(2**63), 2**63 - 1)
times = st.integers(0, 2**80)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "project": text,
                "request_id": text,
                "user_id": text,
                "properties": maps,
                "rate_limit": maps,
                "model": text,
                "error_message": text,
                "prompt": text,
                "received_at_us": times,
                "ended_at_us": times,
                "latency_us": times,
                "ttft_us": st.none() | times,
                "input_tokens": counts,
                "cost_nanos": money,
                "status": st.integers(0, 999),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_call_can_be_encoded(records: list[dict[str, Any]]) -> None:
    placed = [Placed(n, call().model_copy(update=record)) for n, record in enumerate(records)]
    assert encode_native(*call_block(0, placed))


def test_a_value_that_does_not_fit_is_told_with_its_column() -> None:
    with pytest.raises(StatementError, match="column n "):
        encode_native(["n"], ["UInt8"], [["x"]])


@given(st.integers(0, rows.MAX_TIME_US))
def test_month_of_a_time(time_us: int) -> None:
    time = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    assert month_of(time_us) == (time.year, time.month)


items = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=60)


@given(items, st.integers(1, 10), st.integers(1, 120))
def test_runs_keep_the_order_and_the_bounds(
    found: list[tuple[int, int]], max_rows: int, max_chars: int
) -> None:
    month_us = 31 * 86_400_000_000
    placed = [
        Placed(n, call(prompt="x" * size, response="", ended_at_us=month * month_us))
        for n, (month, size) in enumerate(found)
    ]
    cut = list(runs(placed, rows.call_time_us, rows.body_chars, Bounds(max_rows, max_chars)))
    assert [item for run in cut for item in run] == placed
    for run in cut:
        assert 0 < len(run) <= max_rows
        assert len(run) == 1 or sum(len(item.record.prompt) for item in run) <= max_chars
        assert len({month_of(item.record.ended_at_us) for item in run}) == 1
