"""Fills the store with a made-up month, in batches of one block each.

The rows carry an edge of their own, named after what was asked for, and their numbers as its sequence: real
edges' marks are left alone, and a fill that was cut off goes on where it stopped.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tallygate.infra.demo.history import rows
from tallygate.infra.demo.history.templates import Templates, templates
from tallygate.infra.demo.history.timeline import batches, hours
from tallygate.runtime.clickhouse import EmbeddedTarget, Session, UnavailableError, connect
from tallygate.runtime.config import ConfigError
from tallygate.stream_processors.errors import FatalError, StoreUnavailableError
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.sink.migrate import migrate
from tallygate.stream_processors.sink.rows import call_block
from tallygate.stream_processors.store import Placed
from tallygate.stream_processors.tokens import TokenCounter

BATCH_CALLS = 80_000
"""About 1.7 KB each, and an insert is one block up to 256 MiB."""
TEMPLATES = 1200
"""For each batch, or fewer if it has fewer calls."""
_EDGE = re.compile(r"demo-(?P<calls>\d+)-(?P<seed>\d+)-(?P<until>\d+)")
_HELD = """
SELECT origin_edge, max(origin_seq) FROM call_log WHERE source_partition = 0 AND origin_edge LIKE 'demo-%'
GROUP BY origin_edge
"""
_COLUMNS = """
SELECT name FROM system.columns
WHERE database = currentDatabase() AND table = 'call_log' AND default_kind = '' ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A month that was asked for."""

    calls: int
    seed: int
    until: datetime
    project: str = "default"

    @property
    def edge(self) -> str:
        """The origin of its rows."""
        return f"demo-{self.calls}-{self.seed}-{int(self.until.timestamp())}"


@contextmanager
def opened(data_dir: Path) -> Iterator[Session]:
    """The store of a data directory, brought to this release's schema.

    Raises:
        ConfigError: another process has it open, or another release made it.
    """
    target = EmbeddedTarget(data_dir / "chdb")
    try:
        migrate(target)
        session = connect(target)
    except (FatalError, StoreUnavailableError, UnavailableError) as error:
        raise ConfigError(f"data_dir: {data_dir}: {error}") from error
    try:
        yield session
    finally:
        session.close()


def begun(session: Session, calls: int, seed: int) -> Wanted | None:
    """A fill of as many calls and this seed that was cut off, None if there is none."""
    for edge, seq in session.rows(_HELD):
        match = _EDGE.fullmatch(edge)
        if match and (int(match["calls"]), int(match["seed"])) == (calls, seed) and seq < calls - 1:
            return Wanted(calls, seed, datetime.fromtimestamp(int(match["until"]), UTC))
    return None


def held(session: Session, wanted: Wanted) -> int:
    """How many of the calls are there."""
    marks = dict(session.rows(_HELD))
    return int(marks.get(wanted.edge, -1)) + 1


def fill(session: Session, wanted: Wanted, batch_calls: int = BATCH_CALLS) -> Iterator[int]:
    """Insert what is missing; yields how many calls are there, after each batch."""
    # No vocabularies: whether they can be loaded would change the rows.
    pricer = Pricer(counter=TokenCounter(load=False))
    statement = rows.insert_rows([name for (name,) in session.rows(_COLUMNS)])
    users = rows.users_of(wanted.calls)
    timeline = hours(wanted.calls, wanted.until, wanted.seed)
    session.command(rows.CREATE_TEMPLATES)
    for batch in batches(timeline, batch_calls, after=held(session, wanted) - 1):
        chance = random.Random(f"{wanted.seed}/{batch.first}")  # noqa: S311 - nothing secret is drawn
        number = min(TEMPLATES, batch.calls // 8)
        made = templates(wanted.project, batch.hours[0].start, batch.load, number, pricer, chance)
        _offer(session, made)
        values = rows.parameters(batch, wanted.seed, users, wanted.edge, made.single, made.per_step)
        session.rows(statement, values)
        yield batch.first + batch.calls


def _offer(session: Session, made: Templates) -> None:
    session.command(rows.EMPTY_TEMPLATES)
    block = call_block(0, [Placed(call.origin.seq, call) for call in made.calls])
    session.insert(rows.TEMPLATE_TABLE, block.names, block.types, block.columns)
