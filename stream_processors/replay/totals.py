"""Rebuilding the embedded run's totals from the store of calls.

All in one transaction of the state, so that it is done or nothing is: the totals are emptied, every call of
the store is added, and each edge's mark becomes the highest number that the store holds of it. Positions
stay: what the runner reads again, it leaves out by the marks. The rules' sums are dropped with their
progress; the runner takes the rules for new, and gets their sums from the store. Nothing else may be at work
meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tallygate.runtime.clickhouse import EmbeddedTarget, connect
from tallygate.stream_processors.audit.audit import audit
from tallygate.stream_processors.audit.compare import Difference
from tallygate.stream_processors.audit.embedded import EmbeddedBooks
from tallygate.stream_processors.embedded import RunnerState, outboxes
from tallygate.stream_processors.embedded.runner import PARTITION
from tallygate.stream_processors.replay.stored_calls import StoredCalls
from tallygate.stream_processors.sink.unavailable import store_errors
from tallygate.stream_processors.usage import Deltas, ZoneOf


@dataclass(frozen=True, slots=True)
class Accounts:
    """Where an embedded system's totals are, and what they are made of."""

    target: EmbeddedTarget
    outbox_dir: Path
    state_path: Path
    zone_of: ZoneOf


@dataclass(frozen=True, slots=True)
class Compared:
    """Totals beside the store."""

    differences: tuple[Difference, ...] = ()
    lost: bool = False
    """There are no totals at all."""
    poorer: str = ""
    """Why the store must not simply replace the totals: it holds less than they have counted."""


def compare(accounts: Accounts) -> Compared:
    """Say where the totals differ from the store, in what they have counted.

    Raises:
        RetryableError, StoreUnavailableError: something can't be read.
    """
    if not accounts.state_path.exists():
        return Compared(lost=True)
    found = audit(EmbeddedBooks(accounts.target, accounts.outbox_dir, accounts.state_path))
    differences = tuple(each for each in found.differences if each.where == "totals")
    fewer = sorted({d.of for d in differences if d.figure == "requests" and d.stored < d.said})
    poorer = found.waiting or (f"it holds fewer calls of {', '.join(fewer)}" if fewer else "")
    return Compared(differences, poorer=poorer)


def rebuild_totals(accounts: Accounts, progress: Callable[[float], None], now_us: int) -> int:
    """Make the totals what the store says; return the number of calls.

    Raises:
        RetryableError, StoreUnavailableError: nothing is changed.
        FatalError: another process has the state.
    """
    state = RunnerState(accounts.state_path)
    with store_errors():
        session = connect(accounts.target)
    try:
        stored = StoredCalls(session, PARTITION)
        edges = {*state.outboxes(), *outboxes.found(accounts.outbox_dir)}
        pages = [page for page in stored.pages() if not edges or page.edge_id in edges]
        marks: dict[str, int] = {}
        for page in pages:
            marks[page.edge_id] = max(page.last, marks.get(page.edge_id, -1))
        whole, done = sum(page.calls for page in pages), 0
        with state.replacing_totals(marks, now_us) as add:
            for calls in stored.calls(pages):
                deltas = Deltas(accounts.zone_of, now_us)
                for call in calls:
                    deltas.add(call)
                add(deltas)
                done += len(calls)
                progress(done / whole)
        return done
    finally:
        session.close()
        state.close()
