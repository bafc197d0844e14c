"""Budget states in a file, written by the accounting and watched by the edge workers of the machine."""

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tallygate.edge.budget.gate import MemoryBudgetGate
from tallygate.schemas.records import BudgetState

log = logging.getLogger(__name__)
POLL_S = 0.1
"""A part of the second in which a budget that is used up is to stop calls."""
Stamp = tuple[int, int, int]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int
    """Grows with every writing, also over restarts of the writer."""
    states: list[BudgetState]


def write(path: Path, version: int, states: Iterable[BudgetState]) -> None:
    """Replace the file at once, so that nobody reads half of it.

    Raises:
        OSError: it can't be written.
    """
    text = _File(version=version, states=list(states)).model_dump_json()
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


class BudgetFileWriter:
    """Writes the file again and again, each time with a higher version, whatever the clock does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = _version_in(path)

    def write(self, states: Iterable[BudgetState], now_us: int) -> None:
        """Replace the file.

        Raises:
            OSError: it can't be written.
        """
        self._version = max(self._version + 1, now_us)
        write(self._path, self._version, states)


def _version_in(path: Path) -> int:
    try:
        return _File.model_validate_json(path.read_bytes()).version
    except (OSError, ValidationError):
        return 0


class BudgetFile:
    """Keeps a gate equal to the file. A file that is missing or can't be read changes nothing."""

    def __init__(self, path: Path, gate: MemoryBudgetGate) -> None:
        self._path = path
        self._gate = gate
        self._seen: Stamp | None = None

    async def watch(self) -> None:
        """Look at the file now and then, until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(POLL_S)

    def look(self) -> bool:
        """Read the file if it has changed; whether the gate took its states."""
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if stamp == self._seen:
                return False
            self._seen = stamp
            found = _File.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return False
        except (OSError, ValidationError) as error:
            what = error.strerror if isinstance(error, OSError) else f"{error.error_count()} mistakes"
            log.error("%s: can't be read, the budgets stay as they were: %s", self._path, what)  # noqa: TRY400
            return False
        return self._gate.replace(found.version, found.states)
