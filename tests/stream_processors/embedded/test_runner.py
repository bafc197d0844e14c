import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tallygate.edge.outbox import segment
from tallygate.edge.outbox.writer import OutboxFullError, OutboxLimits
from tallygate.runtime.config import OutboxConfig
from tallygate.schemas.codec import encode
from tallygate.schemas.topics import CALLS, REQUESTS, RESPONSES
from tallygate.stream_processors.embedded import EmbeddedRunner, RunnerOptions, read_dead_letters, read_totals
from tallygate.stream_processors.embedded.state import RunnerState
from tallygate.stream_processors.errors import FatalError
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.tokens import TokenCounter
from tests.stream_processors.embedded.stores import FileStore
from tests.support import factories
from tests.support.outboxes import FilledOutbox
from tests.support.wait import eventually_sync

COST = 12 * 150 + 5 * 600
"""Of the factory's call, in nano-dollars."""
PRICER = Pricer(counter=TokenCounter(load=False))
QUICK = RunnerOptions(poll_s=0.01, first_retry_s=0.01, last_retry_s=0.05, drain_s=5)
SMALL_SEGMENTS = OutboxLimits(segment_bytes=8_192)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "store.db")


def runner(tmp_path: Path, store: FileStore, options: RunnerOptions = QUICK) -> EmbeddedRunner:
    return EmbeddedRunner(tmp_path / "outbox", tmp_path / "state.db", store, PRICER, options)


@contextmanager
def running(one: EmbeddedRunner) -> Iterator[None]:
    """Run until the block is left; then it must stop by itself."""
    stop = threading.Event()
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive()


def drained(one: EmbeddedRunner) -> EmbeddedRunner:
    """Run once over what there is."""
    stop = threading.Event()
    stop.set()
    one.run(stop)
    return one


def requests_total(tmp_path: Path) -> tuple[int, int]:
    """Requests and cost of the project's total."""
    (total,) = [t for t in read_totals(tmp_path / "state.db") if t.dimension == "project"]
    return total.requests, total.cost_nanos


def outbox(
    tmp_path: Path, calls: int = 0, index: int = 0, limits: OutboxLimits | None = None
) -> FilledOutbox:
    filled = FilledOutbox(tmp_path / "outbox", index, limits)
    add(filled, calls)
    return filled


def add(filled: FilledOutbox, calls: int) -> None:
    for _ in range(calls):
        filled.add(factories.request_event())
        filled.add(factories.response_event())


def assert_each_once(tmp_path: Path, store: FileStore, *filled: FilledOutbox) -> None:
    wanted = sorted((one.origin.edge_id, one.origin.seq, COST) for f in filled for one in f.responses)
    assert sorted(store.rows("call")) == wanted
    assert len(store.rows("request")) == len(set(store.rows("request"))) == len(wanted)
    assert requests_total(tmp_path) == (len(wanted), COST * len(wanted))


def test_events_become_calls_and_totals(tmp_path: Path, store: FileStore) -> None:
    first, second = outbox(tmp_path, 30), outbox(tmp_path, 20, index=1)
    one = runner(tmp_path, store)
    with running(one):
        assert one.wait_idle(10)
        assert_each_once(tmp_path, store, first, second)
        add(first, 5)
        third = outbox(tmp_path, 7, index=2)  # an edge that starts later
        assert one.wait_idle(10)
        assert_each_once(tmp_path, store, first, second, third)
    assert (one.processed, one.lag_bytes, one.dead_letters, one.retries) == (62, 0, 0, 0)
    totals = read_totals(tmp_path / "state.db")
    users = [t for t in totals if t.dimension == "user"]
    assert sum(t.requests for t in users) == 62
    assert {t.dimension for t in totals} == {"project", "user", "model", "provider", "property"}
    assert totals[0].applied == {f.writer.edge_id: f.responses[-1].origin.seq for f in (first, second, third)}


def test_calls_stay_in_order_within_their_edge(tmp_path: Path, store: FileStore) -> None:
    outbox(tmp_path, 200, limits=SMALL_SEGMENTS)
    outbox(tmp_path, 200, index=1, limits=SMALL_SEGMENTS)
    drained(runner(tmp_path, store, RunnerOptions(poll_s=0.01, batch_bytes=1)))
    by_edge: dict[str, list[int]] = {}
    for edge, seq, _ in store.rows("call"):
        by_edge.setdefault(edge, []).append(seq)
    assert [len(seqs) for seqs in by_edge.values()] == [200, 200]
    assert all(seqs == sorted(seqs) for seqs in by_edge.values())


def test_stopping_finishes_what_is_there_and_the_next_run_goes_on(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 100)
    drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)
    before = store.inserts
    drained(runner(tmp_path, store))
    assert store.inserts == before
    add(filled, 1)
    drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)


def test_nothing_to_read_yet(tmp_path: Path, store: FileStore) -> None:
    (tmp_path / "outbox" / "edge-0").mkdir(parents=True)  # its edge has not written its id
    one = runner(tmp_path, store)
    with running(one):
        assert one.wait_idle(10)
        filled = outbox(tmp_path, 3)
        assert one.wait_idle(10)
        assert_each_once(tmp_path, store, filled)


@pytest.mark.parametrize("failures", [["before"], ["between"], ["after"], ["between", "after", "before"]])
def test_a_failed_insert_is_repeated_without_doubles(
    tmp_path: Path, store: FileStore, failures: list[str]
) -> None:
    filled = outbox(tmp_path, 50)
    store.failures = list(failures)
    one = drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)
    assert one.retries == len(failures)
    store.failures = ["", *failures]  # the requests get through, the calls do not
    add(filled, 50)
    drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)


def test_a_store_that_is_down_loses_nothing(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 10)
    store.down = True
    one = runner(tmp_path, store)
    with running(one):
        eventually_sync(lambda: one.retries >= 3)  # down at the start
        add(filled, 10)
        store.down = False
        assert one.wait_idle(10)
        assert_each_once(tmp_path, store, filled)
        store.down = True
        add(filled, 10)
        retries = one.retries
        eventually_sync(lambda: one.retries >= retries + 3)
        store.down = False
        assert one.wait_idle(10)
        assert_each_once(tmp_path, store, filled)


def test_stopping_while_the_store_is_down_gives_up_in_time(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 10)
    one = runner(tmp_path, store, RunnerOptions(poll_s=0.01, first_retry_s=0.01, drain_s=0.2))
    with running(one):
        assert one.wait_idle(10)
        store.down = True
        add(filled, 10)
        eventually_sync(lambda: one.retries)
    store.down = False
    drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)


def test_a_restored_store_gets_again_what_it_lacks(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 300, limits=SMALL_SEGMENTS)
    drained(runner(tmp_path, store))
    store.forget_above(filled.responses[120].origin.seq)
    drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)
    store.forget_above(-1)  # deleted
    drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)


def test_a_store_that_lacks_requests_only_gets_those(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 40, limits=SMALL_SEGMENTS)
    drained(runner(tmp_path, store))
    store._db.execute("DELETE FROM rows WHERE kind = 'request'")
    drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)


def test_lost_state_counts_again_from_the_log_and_the_store_stays(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 50)
    drained(runner(tmp_path, store))
    for path in tmp_path.glob("state.db*"):
        path.unlink()
    drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)


def test_bad_records_are_set_aside_and_the_stream_goes_on(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 2)
    edge_id, writer = filled.writer.edge_id, filled.writer
    stranger = encode(factories.response_event())
    bad = [
        writer.append(RESPONSES.code, b"k", b"\xff not json"),
        writer.append(RESPONSES.code, b"k", b"{}"),
        writer.append(RESPONSES.code, b"k", b""),
        writer.append(REQUESTS.code, b"k", b'{"project":1}'),
        writer.append(CALLS.code, b"k", b"{}"),
        writer.append(200, b"k", b"{}"),
        writer.append(RESPONSES.code, b"k", stranger),
    ]
    add(filled, 2)
    one = drained(runner(tmp_path, store))
    assert_each_once(tmp_path, store, filled)
    letters = [letter for letter, _ in read_dead_letters(tmp_path / "state.db")]
    assert sorted(letter.seq for letter in letters) == bad
    assert {letter.edge_id for letter in letters} == {edge_id}
    reasons = {letter.seq: letter.reason for letter in letters}
    assert "Field required" in reasons[bad[1]]
    assert reasons[bad[3]].startswith("RequestEvent: ")
    assert reasons[bad[4]] == "topic 3 is not read here"
    assert reasons[bad[6]].startswith("origin edge-a/")
    assert next(letter.payload for letter in letters if letter.seq == bad[0]) == b"\xff not json"
    assert one.dead_letters == 7
    # They are counted over restarts, and not set aside twice if read again.
    store.forget_above(-1)
    assert drained(runner(tmp_path, store)).dead_letters >= 7
    assert len(read_dead_letters(tmp_path / "state.db")) == 7
    assert len(read_dead_letters(tmp_path / "state.db", limit=2)) == 2
    assert_each_once(tmp_path, store, filled)


def test_times_that_nothing_can_hold_do_not_stop_it(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 1)
    wild = {"received_at_us": 10**30, "ended_at_us": 10**30, "latency_us": 2**80}
    filled.add(factories.response_event().model_copy(update=wild))
    filled.writer.append(RESPONSES.code, b"k", b"bad")
    drained(runner(tmp_path, store))
    assert [cost for _, _, cost in store.rows("call")] == [COST, COST]
    (total,) = [t for t in read_totals(tmp_path / "state.db") if t.dimension == "project"]
    assert (total.requests, total.cost_nanos) == (2, 2 * COST)
    assert total.latency_us == total.last_seen_us == 2**63 - 1


def test_a_record_that_pricing_fails_on_is_set_aside(
    tmp_path: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = outbox(tmp_path, 3)
    pricer = Pricer(counter=TokenCounter(load=False))
    real, poison = pricer.price, filled.responses[1].request_id

    def price(event):  # type: ignore[no-untyped-def]
        if event.request_id == poison:
            raise ZeroDivisionError("a bug")
        return real(event)

    monkeypatch.setattr(pricer, "price", price)
    drained(EmbeddedRunner(tmp_path / "outbox", tmp_path / "state.db", store, pricer, QUICK))
    assert len(store.rows("call")) == 2
    ((letter, failed_at_us),) = read_dead_letters(tmp_path / "state.db")
    assert letter.reason == "pricing: ZeroDivisionError: a bug"
    assert failed_at_us > factories.NOV_2026_US


def test_read_segments_are_deleted_but_for_those_to_keep(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 200, limits=SMALL_SEGMENTS)
    before = segment.segments(filled.directory)
    assert len(before) > 20
    keep = RunnerOptions(poll_s=0.01, keep_bytes=5 * 8_192)
    drained(runner(tmp_path, store, keep))
    kept = segment.segments(filled.directory)
    assert 5 <= len(kept) <= 7
    assert kept == before[-len(kept) :]
    drained(runner(tmp_path, store, RunnerOptions(poll_s=0.01, keep_bytes=0)))
    add(filled, 1)
    drained(runner(tmp_path, store, RunnerOptions(poll_s=0.01, keep_bytes=0)))
    assert len(segment.segments(filled.directory)) <= 2
    assert_each_once(tmp_path, store, filled)


def test_a_damaged_segment_is_skipped_and_told(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 40, limits=SMALL_SEGMENTS)
    paths = segment.segments(filled.directory)
    data = bytearray(paths[1].read_bytes())
    data[30] ^= 0xFF
    paths[1].write_bytes(data)
    one = drained(runner(tmp_path, store))
    assert one.corrupt_segments == 1
    lost = [r for r in filled.responses if int(paths[1].stem) <= r.origin.seq < int(paths[2].stem)]
    assert len(store.rows("call")) == 40 - len(lost)
    assert requests_total(tmp_path)[0] == 40 - len(lost)


def test_a_copied_outbox_stops_it(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 3)
    shutil.copytree(filled.directory, tmp_path / "outbox" / "edge-1")
    with pytest.raises(FatalError, match="is a copy of"):
        drained(runner(tmp_path, store))


def test_an_outbox_that_was_replaced_or_moved(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 5)
    one = runner(tmp_path, store)
    with running(one):
        assert one.wait_idle(10)
        filled.close()
        filled.directory.rename(tmp_path / "outbox" / "edge-7")
        fresh = outbox(tmp_path, 5)
        moved = FilledOutbox(tmp_path / "outbox", 7)
        moved.responses = filled.responses
        add(moved, 5)
        assert one.wait_idle(10)
        assert_each_once(tmp_path, store, moved, fresh)


def test_one_state_has_one_process(tmp_path: Path, store: FileStore) -> None:
    state = RunnerState(tmp_path / "state.db")
    with pytest.raises(FatalError, match="in use"):
        drained(runner(tmp_path, store))
    state.close()
    drained(runner(tmp_path, store))


def test_a_damaged_or_later_state_stops_it(tmp_path: Path, store: FileStore) -> None:
    (tmp_path / "state.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(FatalError, match="not a database"):
        drained(runner(tmp_path, store))
    (tmp_path / "state.db").unlink()
    state = RunnerState(tmp_path / "state.db")
    state._db.execute("UPDATE runner_version SET version = 99")
    state.close()
    with pytest.raises(FatalError, match="99"):
        drained(runner(tmp_path, store))


def test_a_state_that_is_locked_for_a_while_is_waited_for(tmp_path: Path, store: FileStore) -> None:
    filled = outbox(tmp_path, 5)
    one = runner(tmp_path, store)
    with running(one):
        assert one.wait_idle(10)
        import sqlite3

        blocker = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        add(filled, 5)
        eventually_sync(lambda: len(store.rows("call")) == 10)
        assert requests_total(tmp_path)[0] == 5
        blocker.execute("ROLLBACK")
        blocker.close()
        assert one.wait_idle(20)
        assert_each_once(tmp_path, store, filled)


def test_a_full_outbox_has_room_again_when_it_is_read(tmp_path: Path, store: FileStore) -> None:
    """Also if all of it is in one segment that was read before the next one had anything in it."""
    limits = OutboxLimits(segment_bytes=1 << 20, quota_bytes=65_536)
    kept = OutboxConfig(segment_bytes=1 << 20, quota_bytes=65_536).kept_bytes
    filled = outbox(tmp_path, limits=limits)
    options = RunnerOptions(poll_s=0.01, keep_bytes=kept)
    with running(runner(tmp_path, store, options)) as _:
        for _ in range(3):
            with pytest.raises(OutboxFullError):
                add(filled, 1000)
            assert eventually_sync(lambda: filled.writer.has_room(16_384))
