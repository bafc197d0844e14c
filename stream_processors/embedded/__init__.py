"""The embedded run: one process reads the outboxes themselves as the event log."""

from tallygate.stream_processors.embedded.read import (
    read_dead_letters,
    read_rule_totals,
    read_totals,
    top_totals,
)
from tallygate.stream_processors.embedded.runner import EmbeddedRunner, RunnerOptions
from tallygate.stream_processors.embedded.state import RunnerState

__all__ = [
    "EmbeddedRunner",
    "RunnerOptions",
    "RunnerState",
    "read_dead_letters",
    "read_rule_totals",
    "read_totals",
    "top_totals",
]
