"""Counting the calls' events that a log still has. Pure."""

from collections.abc import Collection, Mapping

from tallygate.stream_processors.audit.compare import Marks, Run, Stream


class LogCount:
    """Takes events in the order of the log; one that comes again after a crash is counted once."""

    def __init__(self, marks: Marks, dead: Mapping[Stream, Collection[int]]) -> None:
        """`dead` are numbers of events that became dead letters: nobody counts them."""
        self._marks = marks
        self._dead = dead
        self._runs: dict[Stream, Run] = {}

    def take(self, stream: Stream, seq: int) -> None:
        """One event."""
        if seq > self._marks.get(stream, -1):
            return
        run = self._runs.get(stream)
        if run is None:
            run = Run(seq, seq - 1, 0)
        elif seq <= run.last:
            return
        counts = seq not in self._dead.get(stream, ())
        self._runs[stream] = Run(run.first, seq, run.events + counts)

    @property
    def runs(self) -> Mapping[Stream, Run]:
        """What was counted."""
        return self._runs
