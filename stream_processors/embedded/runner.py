"""The loop of the embedded run: outboxes to priced calls in the store and totals in the state.

Order of a batch, which makes every call count once whatever is killed when:

1. read records from every outbox, decode and price them;
2. insert into the store what it does not hold (by its own highest number per edge);
3. in one transaction of the state: add to the totals, write what the rules have counted, set dead records
   aside, move the positions;
4. evaluate budgets and alert rules over that, and write what comes of it (`budgets`).

Killed before 2: read again. Killed in or after 2, before 3: read again; the store is asked at the start what
it holds (`CallStore.applied`) and gets only the rest, and the totals, which know nothing of the batch, count
it. Killed after 3: gone on from there. The other way round, a store that holds less than was handed to it (it
was restored from a copy, or deleted) gets it again from the log, as far back as that goes
(`outbox.keep_bytes`), while the totals, by their own marks, do not count it again.

A rule that is new counts from its first batch on; what was counted before it is asked of the store and added
in a transaction of its own (`rules.counter`).
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tallygate.edge.outbox.reader import OutboxReader, Position
from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.embedded import outboxes
from tallygate.stream_processors.embedded.accounting import Accounting, Counted, Rules, now_us
from tallygate.stream_processors.embedded.batch import Batch, Marks, add_records
from tallygate.stream_processors.embedded.budgets import Budgets
from tallygate.stream_processors.embedded.outboxes import Followed
from tallygate.stream_processors.embedded.retry import GaveUpError, Retrier
from tallygate.stream_processors.embedded.state import OutboxState, RunnerState
from tallygate.stream_processors.errors import ProcessorError
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.rules.backfill import PastCalls
from tallygate.stream_processors.store import Applied, Store

log = logging.getLogger(__name__)

PARTITION = 0
"""The embedded log has one partition."""


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """Sizes and times of the loop."""

    batch_bytes: int = 4 * 1024 * 1024
    """Read in one go over all outboxes; bounds the memory of a batch to a few times this."""
    full_batch_bytes: int = 512 * 1024
    """A batch as large as this is followed by the next at once; after a smaller one the loop rests, so that
    the store gets few inserts with many rows."""
    poll_s: float = 0.1
    keep_bytes: int = 2 * 1024 * 1024 * 1024
    """Read segments that stay, per outbox."""
    drain_s: float = 8.0
    """After stop: time to finish what is in the outboxes."""
    first_retry_s: float = 0.1
    last_retry_s: float = 5.0
    prune_every_s: float = 3600.0
    backfill_retry_s: float = 5.0
    """After the store could not tell what was before a new rule; the stream goes on meanwhile."""


class EmbeddedRunner:
    """Follows every outbox of the machine. `run` belongs to one thread; the figures may be read from any."""

    def __init__(
        self,
        outbox_dir: Path,
        state_path: Path,
        store: Store,
        pricer: Pricer | None = None,
        options: RunnerOptions | None = None,
        rules: Rules = RuleBook,
        past: PastCalls | None = None,
        budgets_file: Path | None = None,
    ) -> None:
        """`past` tells what was before a new rule; without it the rule counts from its beginning only.
        `budgets_file` is what the edges follow."""
        self._outbox_dir = outbox_dir
        self._state_path = state_path
        self._store = store
        self._pricer = pricer or Pricer(overrides=lambda: rules().price_overrides)
        self._options = options or RunnerOptions()
        self._rules = rules
        self._past = past
        self._budgets_file = budgets_file
        self._budgets: Budgets | None = None
        self._accounting = Accounting(rules, (), PARTITION)
        self._next_prune_s = 0.0
        self._next_backfill_s = 0.0
        self._followed: dict[str, Followed] = {}
        self._marks: dict[str, Marks] = {}
        self._known: dict[str, OutboxState] = {}
        self._passes = threading.Condition()
        self._retrier: Retrier | None = None
        self._begun_passes = 0
        self._empty_pass = 0
        self.taken = -1
        """Set by who delivers records of calls: the number up to which it has taken them over."""
        self.processed = 0
        """Calls priced."""
        self.dead_letters = 0
        """Records set aside, those of earlier runs included."""
        self.lag_bytes = 0
        """Bytes in the outboxes that were not read at the last look."""
        self.corrupt_segments = 0
        """Segments whose rest was skipped because it is damaged."""

    @property
    def alerts(self) -> int:
        """Alerts raised since the start."""
        return 0 if self._budgets is None else self._budgets.alerts

    @property
    def retries(self) -> int:
        """Times that the store or the state was not available."""
        return 0 if self._retrier is None else self._retrier.failures

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then finish what is in the outboxes, within `drain_s`.

        What could not be finished is taken up by the next run.

        Raises:
            FatalError: the state can't be used.
        """
        options = self._options
        self._retrier = Retrier(
            stop, first_s=options.first_retry_s, last_s=options.last_retry_s, drain_s=options.drain_s
        )
        state = RunnerState(self._state_path)
        try:
            self._work(self._retrier, state, stop)
        except GaveUpError as error:
            log.warning("stopped with %d bytes unread: %s", self.lag_bytes, error)
        finally:
            state.close()

    def wait_idle(self, within_s: float) -> bool:
        """Wait, from another thread, until all that was in the outboxes before the call is processed."""
        with self._passes:
            begun = self._begun_passes
            return self._passes.wait_for(lambda: self._empty_pass > begun, timeout=within_s)

    def _work(self, retrier: Retrier, state: RunnerState, stop: threading.Event) -> None:
        self._known = retrier.until_done(state.outboxes)
        self.dead_letters = retrier.until_done(state.count_dead_letters)
        self._accounting = Accounting(self._rules, retrier.until_done(state.rule_totals), PARTITION)
        self._budgets = retrier.until_done(lambda: Budgets(state, self._store, self._budgets_file))
        self._take_marks(retrier.until_done(self._applied))
        while True:
            stopping = stop.is_set()
            read_bytes = self._pass(retrier, state)
            if stopping and (read_bytes == 0 or retrier.expired()):
                return
            if read_bytes < self._options.full_batch_bytes:
                stop.wait(self._options.poll_s)

    def _pass(self, retrier: Retrier, state: RunnerState) -> int:
        """One batch; returns the bytes read for it."""
        with self._passes:
            self._begun_passes += 1
        self._follow_new()
        batch = self._read()
        if batch.read_bytes:
            retrier.until_done(lambda: self._insert(batch))
        counted = self._count(batch)
        if batch.read_bytes or counted.rules:
            retrier.until_done(lambda: self._commit(state, batch, counted))
        behind = batch.read_bytes >= self._options.full_batch_bytes
        # First: a rule that counts anew is not to be judged without what was before.
        self._backfill(retrier, state)
        retrier.until_done(lambda: self._evaluate(behind=behind))
        if time.monotonic() >= self._next_prune_s:
            self._next_prune_s = time.monotonic() + self._options.prune_every_s
            retrier.until_done(lambda: state.prune(now_us()))
        # Also after an empty pass: the reader may have come to a segment that nothing is in yet.
        retrier.until_done(lambda: self._collect(state))
        self.lag_bytes = sum(outbox.reader.waiting_bytes for outbox in self._followed.values())
        self.corrupt_segments = sum(outbox.reader.corrupt_segments for outbox in self._followed.values())
        if not batch.read_bytes:
            with self._passes:
                self._empty_pass = self._begun_passes
                self._passes.notify_all()
        return batch.read_bytes

    def _follow_new(self) -> None:
        present = outboxes.found(self._outbox_dir)
        for edge_id in self._followed.keys() - present.keys():
            log.warning("outbox of edge %s is gone", edge_id)
            del self._followed[edge_id]
        for edge_id, directory in present.items():
            followed = self._followed.get(edge_id)
            if followed is None or followed.directory != directory:
                position = self._start(edge_id, directory)
                self._followed[edge_id] = Followed(edge_id, directory, OutboxReader(directory, position))

    def _start(self, edge_id: str, directory: Path) -> Position:
        """Where to begin: where the state stopped, or earlier if the store lacks what was handed to it."""
        known = self._known.get(edge_id)
        if known is None:
            return Position()
        marks = self._marks.setdefault(edge_id, Marks())
        lacking = [
            stored
            for stored, handed in (
                (marks.stored_calls, known.counted),
                (marks.stored_requests, known.stored_requests),
            )
            if stored < handed
        ]
        if not lacking:
            return known.position
        log.warning(
            "the store lacks events of edge %s above %d: reading the log again", edge_id, min(lacking)
        )
        return min(
            known.position,
            outboxes.position_before(directory, min(lacking)),
            key=lambda position: (position.segment, position.offset),
        )

    def _read(self) -> Batch:
        batch = Batch()
        share = max(64 * 1024, self._options.batch_bytes // max(1, len(self._followed)))
        for edge_id, outbox in self._followed.items():
            marks = self._marks.setdefault(edge_id, Marks())
            records = outbox.reader.read(share)
            add_records(batch, edge_id, records, marks, self._pricer)
        return batch

    def _applied(self) -> Applied:
        return self._store.applied(PARTITION)

    def _take_marks(self, applied: Applied) -> None:
        """Take over what the store says it holds, and what the state says it has counted."""
        for edge_id in {*applied.calls, *applied.requests, *self._known, *self._marks}:
            marks = self._marks.setdefault(edge_id, Marks())
            marks.stored_calls = applied.calls.get(edge_id, -1)
            marks.stored_requests = applied.requests.get(edge_id, -1)
            if known := self._known.get(edge_id):
                marks.counted = known.counted

    def _insert(self, batch: Batch) -> None:
        """Hand the batch to the store; after a failure, only what the store then says it lacks."""
        if batch.uncertain:
            batch.leave_out(self._applied())
        batch.uncertain = True
        if batch.requests:
            self._store.insert_requests(PARTITION, batch.requests)
        if batch.calls:
            self._store.insert_calls(PARTITION, batch.calls)
        batch.uncertain = False

    def _count(self, batch: Batch) -> Counted:
        """Once a batch: what comes of it is written until that succeeds, and never worked out again."""
        before = {edge_id: known.counted for edge_id, known in self._known.items() if known.counted >= 0}
        after = before | {edge: marks.counted for edge, marks in batch.marks.items() if marks.counted >= 0}
        return self._accounting.count(batch.uncounted, before, after)

    def _evaluate(self, *, behind: bool) -> None:
        """Look at budgets and alert rules after each commit, and as time goes on."""
        if self._budgets is not None:
            self._budgets.evaluate(self._rules(), now_us(), behind=behind)
            self._budgets.store(now_us())

    def _backfill(self, retrier: Retrier, state: RunnerState) -> None:
        """Add what was counted before a new rule, as soon as the store can tell."""
        if self._past is None or time.monotonic() < self._next_backfill_s:
            return
        for asked in self._accounting.pending():
            if any(self._lags(edge_id, seq) for edge_id, seq in asked.marks.items()):
                continue  # the store lacks calls and is getting them again
            try:
                rows = self._past.sums(asked)
            except ProcessorError as error:  # whatever it is, the stream does not depend on it
                log.warning("rule %s lacks the calls before it: %s", asked.rule.rule_id, error)
                self._next_backfill_s = time.monotonic() + self._options.backfill_retry_s
                continue
            counted = self._accounting.add_backfill(asked, rows)
            retrier.until_done(lambda counted=counted: self._commit(state, Batch(), counted))  # type: ignore[misc]

    def _lags(self, edge_id: str, seq: int) -> bool:
        return edge_id in self._followed and self._marks[edge_id].stored_calls < seq

    def _commit(self, state: RunnerState, batch: Batch, counted: Counted) -> None:
        known = {
            edge_id: OutboxState(
                self._followed[edge_id].reader.position, marks.counted, marks.stored_requests
            )
            for edge_id, marks in batch.marks.items()
        }
        state.commit(known, counted.deltas, batch.dead, counted.rules, counted.outgoing, self.taken)
        if self._budgets is not None:
            self._budgets.take(counted.rules)
        self._known.update(known)
        self._marks.update(batch.marks)
        self.processed += batch.processed
        self.dead_letters += len(batch.dead)

    def _collect(self, state: RunnerState) -> None:
        """Delete segments that were read to their end since the last look."""
        finished = [o for o in self._followed.values() if o.reader.position.segment != o.collected]
        if finished and state.make_durable():
            for outbox in finished:
                outboxes.delete_consumed(outbox, self._options.keep_bytes)
