"""The made-up month: whole, the same for the same seed, at the accounts' prices, beside real edges."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest

from tallygate.infra.demo.history.fill import Wanted, begun, fill, held
from tallygate.infra.demo.history.timeline import BLOCK, DAYS, TAIL, batches, hours
from tallygate.runtime.clickhouse import EmbeddedTarget, Session, connect
from tallygate.stream_processors.pricing import PriceList
from tallygate.stream_processors.pricing.catalogue import GENAI_IDS
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed
from tests.support.chdb_engine import migrated_target
from tests.support.factories import call

UNTIL = datetime(2026, 11, 25, 9, 17, tzinfo=UTC)
CALLS = 6000
PER_DAY = 100
"""A small bound on batches, so that a day has several."""


@pytest.fixture(scope="module")
def filled() -> tuple[EmbeddedTarget, Session]:
    target = migrated_target()
    session = connect(target)
    assert list(fill(session, Wanted(CALLS, 1, UNTIL)))[-1] == CALLS
    return target, session


def asked(filled: tuple[EmbeddedTarget, Session], sql: str) -> Any:
    return filled[1].rows(sql)


@pytest.mark.parametrize("calls", [1, 7, 8, 9, 1000, 1_234_567])
def test_the_hours_hold_exactly_the_calls(calls: int) -> None:
    timeline = hours(calls, UNTIL, 1)
    assert sum(hour.calls for hour in timeline) == calls
    assert timeline[0].first == 0
    assert all(left.first + left.calls == right.first for left, right in pairwise(timeline))
    assert all(hour.first % BLOCK == 0 for hour in timeline)
    assert timeline[0].start >= UNTIL - timedelta(days=DAYS)
    assert all(hour.start + hour.span + TAIL <= UNTIL for hour in timeline[-1:])


def test_nothing_begins_just_before_the_end_of_a_month() -> None:
    ends = [hour for hour in hours(100_000, UNTIL, 1) if (hour.start + timedelta(hours=1)).day == 1]
    last = [hour for hour in ends if hour.start.hour == 23]
    assert last
    assert all(hour.span == timedelta(hours=1) - TAIL for hour in last)


def test_batches_are_of_one_day_and_bounded_and_go_on_after_what_is_there() -> None:
    timeline = hours(50_000, UNTIL, 1)
    made = list(batches(timeline, 1000))
    assert sum(batch.calls for batch in made) == 50_000
    assert all(batch.calls <= 1000 for batch in made)
    assert all(len({hour.start.date() for hour in batch.hours}) == 1 for batch in made)
    half = made[len(made) // 2]
    rest = list(batches(timeline, 1000, after=half.first - 1))
    assert [batch.first for batch in rest] == [batch.first for batch in made if batch.first >= half.first]


def test_all_calls_are_there_once_in_the_last_thirty_days(filled: tuple[EmbeddedTarget, Session]) -> None:
    sql = "SELECT count(), uniqExact(request_id), uniqExact(origin_seq), max(origin_seq) FROM call_log"
    assert asked(filled, sql) == [(CALLS, CALLS, CALLS, CALLS - 1)]
    ((first, last),) = asked(filled, "SELECT min(received_at), max(ended_at) FROM call_log")
    assert UNTIL - timedelta(days=DAYS) <= first
    assert last <= UNTIL


def test_each_batch_is_one_part() -> None:
    session = connect(migrated_target())
    session.command("SYSTEM STOP MERGES call_log")
    made = list(islice(fill(session, Wanted(2000, 1, UNTIL), PER_DAY), 5))
    parts = """SELECT count(), sum(rows) FROM system.parts
        WHERE active AND table = 'call_log' AND database = currentDatabase()"""
    assert session.rows(parts) == [(5, made[-1])]


FINGERPRINT = "SELECT count(), sum(cityHash64(tuple(*))) FROM call_log"


def test_the_same_seed_makes_the_same_calls_also_after_a_break(
    filled: tuple[EmbeddedTarget, Session],
) -> None:
    session = connect(migrated_target())
    wanted = Wanted(CALLS, 1, UNTIL)
    broken = list(islice(fill(session, wanted), 3))
    assert begun(session, CALLS, 1) == wanted
    assert held(session, wanted) == broken[-1]
    list(fill(session, wanted))
    assert begun(session, CALLS, 1) is None
    assert session.rows(FINGERPRINT) == asked(filled, FINGERPRINT)


def test_another_seed_makes_other_calls(filled: tuple[EmbeddedTarget, Session]) -> None:
    session = connect(migrated_target())
    list(fill(session, Wanted(CALLS, 2, UNTIL)))
    assert session.rows(FINGERPRINT) != asked(filled, FINGERPRINT)


def test_money_is_what_the_price_list_says(filled: tuple[EmbeddedTarget, Session]) -> None:
    prices = PriceList()
    rows = asked(
        filled,
        """SELECT provider, model, toUnixTimestamp64Micro(received_at), input_tokens, output_tokens,
               cached_input_tokens, cache_write_tokens, cost_nanos
           FROM call_log WHERE priced AND token_source = 'provider' AND provider != ''""",
    )
    assert len(rows) > CALLS // 2
    for provider, model, at_us, asked_for, answered, cached, written, cost in rows:
        quote = prices.quote(GENAI_IDS.get(provider, provider), model, at_us)
        assert quote is not None
        counts = {
            "input_tokens": asked_for,
            "output_tokens": answered,
            "cache_read_tokens": cached,
            "cache_write_tokens": written,
        }
        assert quote.sheet.cost(counts).total == cost


def test_there_is_something_of_everything(filled: tuple[EmbeddedTarget, Session]) -> None:
    outcomes = dict(asked(filled, "SELECT outcome, count() FROM call_log GROUP BY outcome"))
    assert outcomes.keys() >= {"ok", "cache_hit", "provider_error", "rejected", "client_cancelled", "timeout"}
    assert outcomes["ok"] > 0.8 * CALLS
    ((hits, saved, free),) = asked(
        filled,
        """SELECT count(), countIf(cache_saved_nanos > 0), countIf(cost_nanos = 0)
           FROM call_log WHERE cache = 'hit'""",
    )
    assert hits == saved == free > 100
    assert asked(
        filled, "SELECT count() FROM call_log WHERE status = 429 AND rate_limit['retry-after'] != ''"
    )[0][0]
    assert asked(filled, "SELECT count() FROM call_log WHERE NOT priced AND cost_nanos IS NULL")[0][0]
    assert asked(filled, "SELECT uniq(provider) > 5, uniq(model) > 10 FROM call_log") == [(1, 1)]
    assert asked(filled, "SELECT count() FROM call_log WHERE length(attempt.provider) = 2")[0][0]
    assert asked(filled, "SELECT count() FROM call_log WHERE stream AND ttft_us < latency_us")[0][0]


def test_users_follow_zipf(filled: tuple[EmbeddedTarget, Session]) -> None:
    counts = asked(
        filled,
        "SELECT count() AS calls FROM call_log WHERE user_id != '' GROUP BY user_id ORDER BY calls DESC",
    )
    assert len(counts) > 50
    first, tenth = counts[0][0], counts[9][0]
    assert 4 < first / tenth < 20


def test_sessions_are_steps_in_order_by_one_user(filled: tuple[EmbeddedTarget, Session]) -> None:
    sessions: Sequence[Any] = asked(
        filled,
        """SELECT session_name, groupArray(session_path), uniqExact(user_id),
               uniqExact(properties['workflow'])
           FROM (SELECT * FROM call_log WHERE session_id != '' ORDER BY received_at)
           GROUP BY session_id, session_name""",
    )
    assert len(sessions) > 50
    paths = {name: tuple(path) for name, path, _, _ in sessions}
    assert paths["ticket triage"] == ("/classify", "/lookup", "/draft", "/review")
    assert all(tuple(path) == paths[name] for name, path, _, _ in sessions)
    assert all(users == workflows == 1 for _, _, users, workflows in sessions)


def test_properties_keep_their_names_in_the_order_of_the_map(filled: tuple[EmbeddedTarget, Session]) -> None:
    wrong = (
        "SELECT count() FROM call_log WHERE arrayMap(n -> lower(n), property_names) != mapKeys(properties)"
    )
    assert asked(filled, wrong) == [(0,)]


def test_bodies_are_json_of_the_size_that_is_told(filled: tuple[EmbeddedTarget, Session]) -> None:
    wrong = """SELECT count() FROM call_log WHERE NOT isValidJSON(prompt) OR length(prompt) != prompt_bytes
        OR position(prompt, '@') > 0 OR (response != '' AND NOT isValidJSON(response))"""
    assert asked(filled, wrong) == [(0,)]


def test_marks_of_real_edges_are_left_alone() -> None:
    target = migrated_target()
    store = ClickHouseStore(target)
    store.insert_calls(0, [Placed(5, call())])
    before = store.applied(0).calls
    session = connect(target)
    wanted = Wanted(100, 1, UNTIL)
    list(fill(session, wanted))
    after = store.applied(0).calls
    assert after == {**before, wanted.edge: 99}
    store.close()
