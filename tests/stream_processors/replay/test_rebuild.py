"""Tables are rebuilt from the log of outboxes, in chDB."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tallygate.edge.outbox import segment
from tallygate.edge.outbox.writer import OutboxLimits
from tallygate.runtime.clickhouse import EmbeddedTarget, Session, connect
from tallygate.stream_processors.embedded import EmbeddedRunner
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.replay.log import Span
from tallygate.stream_processors.replay.outbox_log import OutboxLog
from tallygate.stream_processors.replay.rebuild import Rebuilt, rebuild
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.tokens import TokenCounter
from tests.support import factories
from tests.support.chdb_engine import migrated_target
from tests.support.outboxes import FilledOutbox

DAY_US = 86_400_000_000
BEGIN_US = 1_793_000_000_000_000  # 2026-10-26: the days that follow cross into November
CALLS = 120
PRICER = Pricer(counter=TokenCounter(load=False))
EVERYTHING = "SELECT * EXCEPT (source_offset) FROM {table} ORDER BY origin_edge, origin_seq"


class Place:
    """Two edges' outboxes, and the store that the core has filled from them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.target: EmbeddedTarget = migrated_target()
        self.session: Session = connect(self.target)
        # The times here are in the past: without this, rows would go with the calendar.
        self.session.command("ALTER TABLE request_log REMOVE TTL")
        for body in ("prompt", "response"):
            self.session.command(f"ALTER TABLE call_log MODIFY COLUMN {body} REMOVE TTL")
        for index in range(2):
            self._fill(index)
        self._process()

    def rebuild(self, span: Span = Span(), *, apply: bool = True) -> Rebuilt:  # noqa: B008 - immutable
        events = OutboxLog(self.directory / "outbox", span)
        seen: list[float] = []
        rebuilt = rebuild(self.target, events, PRICER, seen.append, apply=apply)
        assert seen == sorted(seen)
        assert events.done == 1
        return rebuilt

    def rows(self, table: str = "call_log") -> list[tuple[object, ...]]:
        return self.session.rows(EVERYTHING.format(table=table))

    def tables(self) -> set[str]:
        return {name for (name,) in self.session.rows("SHOW TABLES")}

    def _fill(self, index: int) -> None:
        outbox = FilledOutbox(self.directory / "outbox", index, OutboxLimits(segment_bytes=16_384))
        for number in range(CALLS // 2):
            at_us = BEGIN_US + number * DAY_US // 6
            times = {"received_at_us": at_us, "ended_at_us": at_us + 900_000, "latency_us": 900_000}
            outbox.add(factories.request_event(received_at_us=at_us))
            outbox.add(factories.response_event(**times, model=("gpt-4o", "gpt-4o-mini")[number % 2]))
        outbox.close()

    def _process(self) -> None:
        stop = threading.Event()
        stop.set()
        store = ClickHouseStore(self.target)
        EmbeddedRunner(self.directory / "outbox", self.directory / "state.db", store, PRICER).run(stop)
        store.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_tables_that_hold_what_the_log_says_stay_as_they_are(place: Place) -> None:
    calls, requests = place.rows(), place.rows("request_log")
    assert (len(calls), len(requests)) == (CALLS, CALLS)
    rebuilt = place.rebuild()
    assert (rebuilt.calls, rebuilt.requests, rebuilt.bad) == (CALLS, CALLS, 0)
    assert rebuilt.equal
    assert place.rows() == calls
    assert place.rows("request_log") == requests
    assert not any("replay" in name for name in place.tables())


DAMAGES: dict[str, Callable[[Session], None]] = {
    "lost calls": lambda session: session.command("DELETE FROM call_log WHERE origin_seq % 3 = 0"),
    "lost requests": lambda session: session.command("DELETE FROM request_log WHERE origin_seq % 3 = 0"),
    "all lost": lambda session: session.command("TRUNCATE TABLE call_log"),
    "other costs": lambda session: session.command(
        "ALTER TABLE call_log UPDATE cost_nanos = 7 WHERE model = 'gpt-4o' SETTINGS mutations_sync = 2"
    ),
    "held twice": lambda session: session.command(
        "INSERT INTO call_log SELECT * FROM call_log WHERE toYYYYMM(ended_at) = 202610"
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_was_damaged_is_put_right(place: Place, damage: Callable[[Session], None]) -> None:
    calls, requests = place.rows(), place.rows("request_log")
    damage(place.session)
    damaged = (place.rows(), place.rows("request_log"))
    assert damaged != (calls, requests)

    would = place.rebuild(apply=False)
    assert (place.rows(), place.rows("request_log")) == damaged
    rebuilt = place.rebuild()
    assert rebuilt == would
    assert (place.rows(), place.rows("request_log")) == (calls, requests)
    if damaged[0] != calls:
        changed = {key: (before, after) for key, before, after in rebuilt.changed()}
        assert changed
        assert sum(after.cost_nanos for _, after in changed.values()) == sum(
            after.cost_nanos for key, after in rebuilt.after.items() if key in changed
        )


def test_rows_that_the_log_has_forgotten_stay(place: Place) -> None:
    calls = place.rows()
    for directory in (place.directory / "outbox").iterdir():
        first, second, *_ = segment.segments(directory)
        first.unlink()
        second.unlink()
    place.session.command(
        f"DELETE FROM call_log WHERE received_at > toDateTime({BEGIN_US // 1_000_000} + 864000)"
    )
    rebuilt = place.rebuild()
    assert 0 < rebuilt.calls < CALLS
    assert place.rows() == calls


def test_only_calls_of_the_span_are_priced_again(place: Place) -> None:
    place.session.command("ALTER TABLE call_log UPDATE cost_nanos = 7 WHERE 1 SETTINGS mutations_sync = 2")
    middle_us = BEGIN_US + 3 * DAY_US
    rebuilt = place.rebuild(Span(from_us=middle_us))
    (wrong,) = place.session.rows("SELECT countIf(cost_nanos = 7), count() FROM call_log")
    early = CALLS - rebuilt.calls
    assert wrong == (early, CALLS)
    assert 0 < early < CALLS


def test_cut_off_it_changes_nothing_and_can_be_run_again(place: Place) -> None:
    place.session.command("DELETE FROM call_log WHERE origin_seq % 3 = 0")
    damaged = place.rows()

    def fail(_done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(place.target, OutboxLog(place.directory / "outbox", Span()), PRICER, fail)
    assert place.rows() == damaged
    place.session.command("CREATE TABLE call_log_replay AS call_log")  # as a kill would leave it
    place.session.command(
        "INSERT INTO call_log_replay SELECT * FROM call_log WHERE toYYYYMM(ended_at) = 202610"
    )
    assert not place.rebuild().equal
    assert len(place.rows()) == CALLS
