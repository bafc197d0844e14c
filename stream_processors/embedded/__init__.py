"""The embedded run: one process reads the outboxes themselves as the event log."""

from tallygate.stream_processors.embedded.runner import EmbeddedRunner, RunnerOptions
from tallygate.stream_processors.embedded.state import RunnerState, read_dead_letters, read_totals

__all__ = ["EmbeddedRunner", "RunnerOptions", "RunnerState", "read_dead_letters", "read_totals"]
