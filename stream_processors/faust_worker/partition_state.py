"""What is kept of one partition while it is held."""

from collections.abc import Mapping
from dataclasses import dataclass

from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.faust_worker.totals_state import PartitionTotals
from tallygate.stream_processors.rules import Changes, RuleCounter
from tallygate.stream_processors.usage import UsageKey


@dataclass(frozen=True, slots=True)
class PartitionState:
    """In memory, true as long as every change of it was confirmed."""

    totals: PartitionTotals
    rules: RuleCounter


@dataclass(frozen=True, slots=True)
class Written:
    """Changes of the state, to be written in one transaction."""

    totals: Mapping[UsageKey, UsageTotals | None]
    """None: no longer kept."""
    rules: Changes

    def __bool__(self) -> bool:
        return bool(self.totals or self.rules)
