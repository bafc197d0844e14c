"""How processors keep the rules in force: a thread asks the store for its stamp, and swaps in what changed.

Unlike an edge they go on without: until the store answers for the first time there are no rules, which those
who count by them know by the book's version, and afterwards the last ones stay in force. No secret of the
store is opened, so no master key is needed.
"""

import logging
import threading

from tallygate.control.errors import ControlError
from tallygate.control.feed import POLL_S, STOP_TIMEOUT_S, Source
from tallygate.control.snapshot import rule_book_of
from tallygate.schemas.rules import RuleBook

log = logging.getLogger(__name__)


class RuleFeed:
    """Holds the current rule book, and owns its source. `current` may be called from any thread."""

    def __init__(self, source: Source, *, poll_s: float = POLL_S) -> None:
        self._source = source
        self._poll_s = poll_s
        self._book = RuleBook()
        self._stamp = ""
        self._error = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rule-feed", daemon=True)

    def current(self) -> RuleBook:
        """The rules in force."""
        return self._book

    def start(self) -> None:
        """Ask the store once, and go on asking. Blocks for the first answer."""
        self._refresh()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the last book stays readable."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)
        self._source.close()

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_s):
            try:
                self._refresh()
            except Exception:
                # Whatever it is, changes must be seen again as soon as it is over.
                log.exception("the rules can't be read")

    def _refresh(self) -> None:
        try:
            stamp = self._source.stamp()
            if stamp != self._stamp:
                dump = self._source.dump()
                self._book, self._stamp = rule_book_of(dump), dump.stamp
        except ControlError as error:
            self._failed(str(error))
        else:
            self._error = ""

    def _failed(self, error: str) -> None:
        if error != self._error:
            log.warning("going on with the last rules: %s", error)
            self._error = error
