"""Budgets and alert rules in the runner's thread: evaluated after each commit, and as time goes on.

Order: (1) an evaluation, over sums that are committed; (2) one transaction of the state with its alerts,
states and budgets; (3) the file that the edges follow; (4) the store gets the alerts, for people to look at.
Killed before 2, the next start evaluates again and comes to the same; behind it, nothing is told twice. The
file is written anew at each start, and the store knows alerts by their ids.
"""

import logging
import time
from pathlib import Path

from tallygate.edge.budget.state_file import BudgetFileWriter
from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.budgets.evaluator import Evaluator, Outcome
from tallygate.stream_processors.embedded.state import RunnerState
from tallygate.stream_processors.errors import RetryableError, StoreUnavailableError
from tallygate.stream_processors.rules import Changes
from tallygate.stream_processors.store import AlertStore

log = logging.getLogger(__name__)

STORE_AGAIN_S = 5.0
"""After the store was not there for alerts; nothing else waits for that."""


class Budgets:
    """Evaluates, and writes what comes of it. Everything that raises may be called again."""

    def __init__(self, state: RunnerState, store: AlertStore, file: Path | None) -> None:
        """Take up what the state holds. Without a `file` no edge is told.

        Raises:
            RetryableError: the state can't be read now.
        """
        self._state = state
        self._store = store
        self._evaluator = Evaluator(*state.told())
        for totals in state.rule_totals():
            self._evaluator.take(totals)
        self._file = None if file is None else BudgetFileWriter(file)
        self._file_due = True
        self._unwritten: Outcome | None = None
        self._unstored = True
        self._store_at_s = 0.0
        self.alerts = 0
        """Raised since the start."""

    def take(self, changes: Changes) -> None:
        """Sums that a commit has changed. Partition 0 is the only one here."""
        for key, totals in changes.lines().items():
            if totals is None:
                self._evaluator.drop(key, 0)
            else:
                self._evaluator.take(totals)

    def evaluate(self, rules: RuleBook, now_us: int, *, behind: bool) -> None:
        """Evaluate what has changed or is due, and write it.

        Raises:
            RetryableError: something is not written yet.
        """
        if self._unwritten is None:
            self._evaluator.use(rules)
            self._unwritten = self._evaluator.tick(now_us, behind=behind)
        outcome = self._unwritten
        if outcome:
            self._state.commit_told(outcome)
            self._file_due = self._file_due or bool(outcome.budgets)
            self._unstored = self._unstored or bool(outcome.alerts)
            self.alerts += len(outcome.alerts)
        self._unwritten = None
        self._write_file(now_us)

    def store(self, now_us: int) -> None:
        """Hand alerts to the store, if it is there."""
        if not self._unstored or time.monotonic() < self._store_at_s:
            return
        try:
            while waiting := self._state.unstored_alerts():
                self._store.insert_alerts([each.alert for each in waiting])
                self._state.mark_stored(waiting, now_us)
        except StoreUnavailableError as error:
            log.warning("alerts wait for the store: %s", error)
            self._store_at_s = time.monotonic() + STORE_AGAIN_S
            return
        self._unstored = False

    def _write_file(self, now_us: int) -> None:
        if self._file is None or not self._file_due:
            return
        try:
            self._file.write(self._evaluator.budgets(), now_us)
        except OSError as error:
            raise RetryableError(f"budgets for the edges: {error}") from error
        self._file_due = False
