import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.schemas.call import Origin, Outcome
from tallygate.schemas.codec import BadRecordError
from tallygate.schemas.records import Call, Tokens
from tallygate.schemas.totals import Counters, Dimension, UsageTotals
from tallygate.stream_processors.faust_worker.totals_state import PartitionTotals
from tallygate.stream_processors.usage import (
    COUNTERS,
    Deltas,
    UsageKey,
    decode_key,
    encode_key,
    keys_of,
    prune,
    sums_of,
)
from tallygate.stream_processors.usage.sums import MAX_SUM
from tests.support import factories
from tests.support.factories import NOV_2026_US

PROJECT = UsageKey("default", "project", "", "default")


def call(seq: int, edge: str = "edge-a", **fields: object) -> Call:
    return factories.call(origin=Origin(edge_id=edge, seq=seq), **fields)


def total(calls: list[Call], key: UsageKey = PROJECT) -> UsageTotals:
    """The total after calls that come one by one."""
    held = PartitionTotals(3, [], NOV_2026_US)
    changed = [held.count([one], utc, NOV_2026_US).changed for one in calls]
    return next(each[key] for each in reversed(changed) if key in each)


def utc(_project: str) -> str:
    return "UTC"


def test_keys_of_a_call() -> None:
    one = factories.call(
        user_id="ada",
        key_id="k1",
        provider="openai",
        model="gpt-4o-mini",
        properties={"Team": "a", "Empty": ""},
    )
    assert keys_of(one) == [
        ("default", "project", "", "default"),
        ("default", "user", "", "ada"),
        ("default", "key", "", "k1"),
        ("default", "model", "", "gpt-4o-mini"),
        ("default", "provider", "", "openai"),
        ("default", "property", "team", "a"),
    ]


def test_empty_values_have_no_key_and_names_differing_in_case_count_once() -> None:
    refused = factories.call(user_id="", key_id="", provider="", model="", model_requested="", properties={})
    assert keys_of(refused) == [PROJECT]
    asked = factories.call(model="", model_requested="gpt-9", properties={"Team": "a", "team": "b"})
    assert UsageKey("default", "model", "", "gpt-9") in keys_of(asked)
    assert [key.value for key in keys_of(asked) if key.dimension == "property"] == ["b"]


@given(st.text(), st.sampled_from(get_args(Dimension)), st.text(), st.text())
def test_encoded_keys_come_back(project: str, dimension: Dimension, name: str, value: str) -> None:
    key = UsageKey(project, dimension, name, value)
    assert decode_key(encode_key(key)) == key


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1,2,3,4]", b'["a","user","b"]', b'["a","team","b","c"]', b"\xff"]
)
def test_bad_keys_are_refused(data: bytes) -> None:
    with pytest.raises(BadRecordError, match="usage key"):
        decode_key(data)


def test_counters_are_the_fields_of_the_totals() -> None:
    sketches = {"latency_sketch", "ttft_sketch"}
    assert {*COUNTERS, *sketches} == set(Counters.model_fields) < set(UsageTotals.model_fields)
    assert set(Tokens.model_fields) < set(COUNTERS)


@pytest.mark.parametrize(
    ("outcome", "errors"),
    [
        (Outcome.OK, 0),
        (Outcome.CACHE_HIT, 0),
        (Outcome.CLIENT_CANCELLED, 0),
        (Outcome.PROVIDER_ERROR, 1),
        (Outcome.TIMEOUT, 1),
        (Outcome.REJECTED, 1),
    ],
)
def test_what_is_an_error(outcome: Outcome, errors: int) -> None:
    assert sums_of(factories.call(outcome=outcome)).errors == errors


def test_totals_of_three_calls() -> None:
    calls = [
        call(5, input_tokens=10, cost_nanos=100, latency_us=7, cached_input_tokens=4),
        call(9, output_tokens=3, cost_nanos=1, latency_us=8, outcome="timeout"),
        call(2, edge="edge-b", priced=False, cost_nanos=None, latency_us=9, reasoning_tokens=2),
    ]
    totals = total(calls)
    assert (totals.requests, totals.errors, totals.unpriced, totals.cost_nanos) == (3, 1, 1, 101)
    assert (totals.input_tokens, totals.output_tokens) == (10 + 12 + 12, 5 + 3 + 5)
    assert (totals.cached_input_tokens, totals.reasoning_tokens, totals.latency_us) == (4, 2, 24)
    assert totals.applied == {"edge-a": 9, "edge-b": 2}
    assert totals.last_seen_us == max(one.ended_at_us for one in calls)
    assert (totals.project, totals.dimension, totals.value, totals.partition) == (*PROJECT[:2], "default", 3)
    assert UsageTotals.model_validate_json(totals.model_dump_json()) == totals


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 8)), max_size=30),
    st.randoms(use_true_random=False),
)
def test_repeats_and_rewinds_count_once(
    lengths: list[int], rewinds: list[tuple[int, int]], source: random.Random
) -> None:
    """Each edge's calls come in order, but the log may jump back and repeat a stretch."""
    edges = [[call(10 * seq, edge=f"edge-{e}") for seq in range(n)] for e, n in enumerate(lengths)]
    at = [0] * len(edges)
    log: list[Call] = []
    jumps = list(rewinds)
    while any(place < len(calls) for place, calls in zip(at, edges, strict=True)):
        e = source.choice([e for e, calls in enumerate(edges) if at[e] < len(calls)])
        log.append(edges[e][at[e]])
        at[e] += 1
        if jumps and source.random() < 0.3:
            back_edge, by = jumps.pop()
            if back_edge < len(edges):
                at[back_edge] = max(0, at[back_edge] - by)
    once = [one for calls in edges for one in calls]
    totals = total(log)
    assert totals.requests == len(once)
    assert totals.cost_nanos == sum(one.cost_nanos or 0 for one in once)
    assert totals.latency_us == sum(one.latency_us for one in once)


def test_sums_stop_at_the_largest_number() -> None:
    totals = total([call(1, cost_nanos=MAX_SUM), call(2, cost_nanos=MAX_SUM)])
    assert totals.cost_nanos == MAX_SUM
    assert UsageTotals.model_validate_json(totals.model_dump_json()) == totals


def test_marks_of_edges_that_are_long_gone_are_forgotten() -> None:
    totals = total([call(5, ended_at_us=1_000), call(2, edge="edge-b", ended_at_us=2_000)])
    assert totals.applied_at_us == {"edge-a": 1_000, "edge-b": 2_000}
    assert prune(totals, 1_000) is totals
    pruned = prune(totals, 1_001)
    assert (pruned.applied, pruned.applied_at_us) == ({"edge-b": 2}, {"edge-b": 2_000})
    assert (pruned.requests, pruned.cost_nanos) == (2, totals.cost_nanos)
    assert prune(totals, 10_000).applied == {}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 10**9)), max_size=20))
def test_deltas_are_the_totals_of_a_batch(parts: list[tuple[int, int, int]]) -> None:
    calls = [
        call(seq, user_id=f"u{user}", properties={"Team": f"t{team}"}, cost_nanos=cost)
        for seq, (user, team, cost) in enumerate(parts)
    ]
    deltas = Deltas(utc, NOV_2026_US)
    for one in calls:
        deltas.add(one)
    found = dict(deltas.items())
    assert found.keys() == {key for one in calls for key in keys_of(one)}
    for key, tally in found.items():
        totals = total([one for one in calls if key in keys_of(one)], key)
        assert tally.sums == [getattr(totals, name) for name in COUNTERS]
        assert (tally.latency, tally.ttft) == (totals.latency_sketch, totals.ttft_sketch)
        assert tally.last_seen_us == totals.last_seen_us
