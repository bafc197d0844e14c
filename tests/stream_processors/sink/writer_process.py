"""Inserts calls without end, going on where the store says; for a test that kills it.

    python -m tests.stream_processors.sink.writer_process DIRECTORY

Prints what is applied at start, then each number up to which a batch was acknowledged.
"""

import sys
from pathlib import Path

from tallygate.runtime.clickhouse import EmbeddedTarget
from tallygate.schemas.call import Origin
from tallygate.schemas.records import Call
from tallygate.stream_processors.sink.migrate import migrate
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed
from tests.support.factories import NOV_2026_US, call

BATCH = 40
# A month's border in every batch: two inserts, so that a kill may come between them.
LATER_US = 40 * 86_400_000_000


def main() -> None:
    """Insert until killed."""
    target = EmbeddedTarget(Path(sys.argv[1]))
    migrate(target)
    store = ClickHouseStore(target)
    seq = store.applied(0).calls.get("e", 0)
    sys.stdout.write(f"{seq}\n")
    sys.stdout.flush()
    while True:
        store.insert_calls(0, [_placed(seq + n + 1, later=n >= BATCH // 2) for n in range(BATCH)])
        seq += BATCH
        sys.stdout.write(f"{seq}\n")
        sys.stdout.flush()


def _placed(number: int, *, later: bool) -> Placed[Call]:
    ended_at_us = NOV_2026_US + (LATER_US if later else 0)
    origin = Origin(edge_id="e", seq=number)
    return Placed(number, call(origin=origin, cost_nanos=number, ended_at_us=ended_at_us))


if __name__ == "__main__":
    main()
