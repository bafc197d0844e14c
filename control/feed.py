"""How an edge keeps its snapshot: a thread asks the store for its stamp, and swaps in what changed.

No request waits for any of this. While the store is down the last snapshot stays in force; keys that expire
meanwhile still expire.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tallygate.control.dump import Dump
from tallygate.control.errors import ControlError, StoreUnavailableError
from tallygate.control.last_known import LastKnown
from tallygate.control.snapshot import Snapshot, assemble
from tallygate.control.vault import Vault

log = logging.getLogger(__name__)
POLL_S = 0.5
"""A change is in force after this and a reload: well within the two seconds that are promised."""
STOP_TIMEOUT_S = 5.0


class Source(Protocol):
    """The store, as far as the feed knows it."""

    def stamp(self) -> str:
        """Another one with every change."""
        ...

    def dump(self) -> Dump:
        """One state of the store."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """For readiness and metrics."""

    version: int
    age_s: float | None
    """Since the store last confirmed the snapshot; None if it never has in this process."""
    error: str
    """Why the store can't be asked just now; empty if it can."""
    alive: bool


class SnapshotFeed:
    """Holds the current snapshot, and owns its source. `current` may be read from any thread."""

    def __init__(
        self,
        source: Source,
        vault: Vault,
        last_known: LastKnown,
        *,
        poll_s: float = POLL_S,
        on_change: Callable[[Snapshot], None] | None = None,
    ) -> None:
        """`on_change` is called in the feed's thread (at the start, in the caller's)."""
        self._source = source
        self._vault = vault
        self._last_known = last_known
        self._poll_s = poll_s
        self._on_change = on_change
        self._current: Snapshot | None = None
        self._confirmed_at_s: float | None = None
        self._error = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control-feed", daemon=True)

    @property
    def current(self) -> Snapshot:
        """The snapshot in force; take it once per request."""
        if self._current is None:
            raise RuntimeError("the feed has not been started")
        return self._current

    def start(self) -> None:
        """Load the first snapshot, from the store or else the last-known copy, and follow the store. Blocks.

        Raises:
            StoreUnavailableError: neither is there: the edge knows nobody and can't start.
        """
        try:
            self._refresh()
        except StoreUnavailableError as error:
            self._failed(error)
            dump = self._last_known.load()
            if dump is None:
                raise StoreUnavailableError(
                    f"{error}; and there is no last-known copy to start from"
                ) from error
            self._swap(dump)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the last snapshot stays readable."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)
        self._source.close()

    def status(self) -> FeedStatus:
        """How the feed does."""
        at = self._confirmed_at_s
        return FeedStatus(
            version=-1 if self._current is None else self._current.version,
            age_s=None if at is None else time.monotonic() - at,
            error=self._error,
            alive=self._thread.is_alive(),
        )

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_s):
            try:
                self._refresh()
            except ControlError as error:
                self._failed(error)
            except Exception as error:
                # Whatever it is, revocations must be seen again as soon as it is over.
                log.exception("the control store can't be read")
                self._error = type(error).__name__

    def _refresh(self) -> None:
        if self._current is None or self._source.stamp() != self._current.stamp:
            dump = self._source.dump()
            self._swap(dump)
            self._last_known.save(dump)
        self._confirmed_at_s = time.monotonic()
        if self._error:
            log.info("the control store answers again")
            self._error = ""

    def _swap(self, dump: Dump) -> None:
        snapshot = assemble(dump, self._vault)
        self._current = snapshot
        if self._on_change is not None:
            self._on_change(snapshot)

    def _failed(self, error: ControlError) -> None:
        if str(error) != self._error:
            log.warning("going on with the last snapshot: %s", error)
            self._error = str(error)
