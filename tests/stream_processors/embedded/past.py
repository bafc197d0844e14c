"""`PastCalls` over the rows of a `FileStore`, counted by the same functions as the stream."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from tallygate.stream_processors.errors import StoreUnavailableError
from tallygate.stream_processors.rules.backfill import BackfillAsked, BackfillRow
from tallygate.stream_processors.rules.filters import matcher_of
from tallygate.stream_processors.rules.labels import group_of
from tallygate.stream_processors.rules.windows import bucket_of
from tallygate.stream_processors.usage.tally import Tally, fact_of
from tests.stream_processors.embedded.stores import FileStore


class FilePast:
    """What a file store holds."""

    def __init__(self, path: Path) -> None:
        self._store = FileStore(path)
        self.down = False
        self.asked = 0

    def held(self, partition: int) -> Mapping[str, int]:
        return self._store.applied(partition).calls

    def sums(self, asked: BackfillAsked) -> list[BackfillRow]:
        self.asked += 1
        if self.down:
            raise StoreUnavailableError("down")
        tallies: dict[tuple[str, int], Tally] = defaultdict(Tally)
        matches, group = matcher_of(asked.rule.filter), group_of(asked.rule.group_by)
        for call in self._store.calls():
            if call.project != asked.rule.project or (matches is not None and not matches(call)):
                continue
            value = group(call)
            bucket = bucket_of(asked.rule, call.received_at_us).start_us
            counted = call.origin.seq <= asked.marks.get(call.origin.edge_id, -1)
            if counted and value is not None and bucket in asked.bucket_starts_us:
                tallies[value, bucket].count(fact_of(call))
        return [BackfillRow(value, bucket, tally) for (value, bucket), tally in tallies.items()]
