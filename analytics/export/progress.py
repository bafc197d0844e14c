"""How far exports are, and how many there may be."""

import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tallygate.analytics.errors import RequestError
from tallygate.analytics.export.query import ExportProgress

KEPT = 100
MAX_RUNNING = 3
"""So that exports leave threads to those who look at pages."""


@dataclass(slots=True)
class Export:
    """One export."""

    project: str
    export_id: str
    rows_total: int = 0
    rows: int = 0
    bytes: int = 0
    state: Literal["running", "done", "failed"] = "running"

    def told(self) -> ExportProgress:
        """What is told of it."""
        return ExportProgress(
            export_id=self.export_id,
            state=self.state,
            rows=self.rows,
            rows_total=self.rows_total,
            bytes=self.bytes,
        )


class Exports:
    """The exports of a process."""

    def __init__(self) -> None:
        self._latest: OrderedDict[tuple[str, str], Export] = OrderedDict()
        self._running = 0

    @contextmanager
    def running(self, project: str, export_id: str | None) -> Iterator[Export]:
        """One that runs within the block; failed unless it is set to done.

        Raises:
            RequestError: 503, there are too many; 409, the id is in use.
        """
        export = Export(project, export_id or uuid.uuid4().hex)
        key = (project, export.export_id)
        if self._running >= MAX_RUNNING:
            raise RequestError(503, "too_many_exports", f"{MAX_RUNNING} exports run already; try again soon")
        if key in self._latest and self._latest[key].state == "running":
            raise RequestError(409, "export_runs", "an export with this id runs already", param="export_id")
        self._latest[key] = export
        self._latest.move_to_end(key)
        while len(self._latest) > KEPT:
            self._latest.popitem(last=False)
        self._running += 1
        try:
            yield export
        finally:
            self._running -= 1
            if export.state == "running":
                export.state = "failed"

    def find(self, project: str, export_id: str) -> Export | None:
        """One of the latest."""
        return self._latest.get((project, export_id))
