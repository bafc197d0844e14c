"""Trying the embedded run's dead letters again, with this release's code.

Page by page, in an order that makes each count once whatever is killed when: (1) what decodes and can be
priced now is inserted into the store, unless the store holds it, by its exact number; (2) in one transaction
of the state it is added to the totals, and is no dead letter any more. Killed in between, it is a dead letter
still, which the store holds. Nothing else may be at work meanwhile.

A dead letter is a call that the totals have not counted: whoever makes them anew from the store removes those
that it holds (`replay.totals`).
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from tallygate.edge.outbox.segment import OutboxRecord
from tallygate.runtime.clickhouse import Session, connect
from tallygate.stream_processors.embedded import RunnerState
from tallygate.stream_processors.embedded.batch import Batch, DeadRecord, Marks, add_records
from tallygate.stream_processors.embedded.runner import PARTITION
from tallygate.stream_processors.embedded.state import Letter
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.replay.held import held
from tallygate.stream_processors.replay.totals import Accounts
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.sink.unavailable import store_errors
from tallygate.stream_processors.usage import Deltas

PAGE = 100
"""A letter may have megabytes."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of the dead letters."""

    calls: int
    requests: int
    failed: int


def retry_dead_letters(accounts: Accounts, pricer: Pricer, now_us: int, page: int = PAGE) -> Retried:
    """Try every dead letter once.

    Raises:
        RetryableError, StoreUnavailableError: some are done, others still dead letters; to be run again.
        FatalError: another process has the state.
    """
    calls = requests = failed = 0
    with closing(RunnerState(accounts.state_path)) as state, _connected(accounts) as session:
        store = ClickHouseStore(accounts.target)
        try:
            after = Letter("", -1)
            while records := state.dead_letters(after, page):
                batch = _decoded(records, pricer)
                _insert(store, session, batch)
                deltas = Deltas(accounts.zone_of, now_us)
                for call in batch.uncounted:
                    deltas.add(call)
                failures = {Letter(each.edge_id, each.seq): each.reason for each in batch.dead}
                letters = {Letter(each.edge_id, each.seq) for each in records}
                projects = {call.project for call in batch.uncounted}
                state.commit_retried(deltas, projects, batch.marks, letters - failures.keys(), failures)
                calls += len(batch.calls)
                requests += len(batch.requests)
                failed += len(batch.dead)
                after = Letter(records[-1].edge_id, records[-1].seq)
        finally:
            store.close()
    return Retried(calls, requests, failed)


def _decoded(records: Sequence[DeadRecord], pricer: Pricer) -> Batch:
    """What the records are; they come in the order of their numbers, edge by edge."""
    batch = Batch()
    for each in records:
        record = OutboxRecord(each.seq, each.topic, b"", each.payload)
        add_records(batch, each.edge_id, [record], Marks(), pricer)
    return batch


def _insert(store: ClickHouseStore, session: Session, batch: Batch) -> None:
    """Insert what the store does not hold."""
    requests = held(session, "request_log", [each.record.origin for each in batch.requests])
    calls = held(session, "call_log", [each.record.origin for each in batch.calls])
    store.insert_requests(PARTITION, [each for each in batch.requests if each.record.origin not in requests])
    store.insert_calls(PARTITION, [each for each in batch.calls if each.record.origin not in calls])


@contextmanager
def _connected(accounts: Accounts) -> Iterator[Session]:
    with store_errors():
        session = connect(accounts.target)
    try:
        yield session
    finally:
        session.close()
