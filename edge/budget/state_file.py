"""Budget states in a file, written by the accounting and watched by the edge workers of the machine."""

import asyncio
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallygate.edge.budget.gate import BudgetState, MemoryBudgetGate, Scope, ScopeKind

log = logging.getLogger(__name__)
POLL_S = 0.25
Stamp = tuple[int, int, int]


class _Scope(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    kind: ScopeKind = "project"
    value: str = ""
    name: str = ""


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    budget_id: str
    name: str
    project: str
    scope: _Scope
    limit: int = Field(ge=0)
    spent: int
    period_end_us: int = Field(ge=0)
    action: Literal["block", "warn"] = "block"
    version: int = 0

    def state(self) -> BudgetState:
        scope = Scope(self.scope.kind, self.scope.value, self.scope.name.lower())
        return BudgetState(**(self.model_dump(exclude={"scope"}) | {"scope": scope}))


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int
    """Grows with every writing, also over restarts of the writer: a time in microseconds will do."""
    states: list[_State]


def write(path: Path, version: int, states: Iterable[BudgetState]) -> None:
    """Replace the file at once, so that nobody reads half of it.

    Raises:
        OSError: it can't be written.
    """
    values = [asdict(state) | {"scope": state.scope._asdict()} for state in states]
    text = _File.model_validate({"version": version, "states": values}).model_dump_json()
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


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
        return self._gate.replace(found.version, [state.state() for state in found.states])
