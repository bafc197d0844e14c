"""Records of calls that are to be told, in a table of the runner's state file.

The runner writes them in the transaction that counts their calls, so that each call is chosen once; whoever
delivers them reads those above its own position and says how far it is, and they are removed.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import orjson

from tallygate.schemas.deliveries import Outgoing

SCHEMA = """
CREATE TABLE IF NOT EXISTS outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL
) STRICT;
"""


class Numbered(NamedTuple):
    """Something to be told, and its number in the state."""

    number: int
    outgoing: Outgoing


def write_outgoing(db: sqlite3.Connection, outgoing: Sequence[Outgoing], taken: int) -> None:
    """Add what is to be told, and remove what was taken over, up to a number; within a transaction."""
    db.executemany(
        "INSERT INTO outgoing (event) VALUES (?)", [(orjson.dumps(asdict(one)).decode(),) for one in outgoing]
    )
    if taken >= 0:
        db.execute("DELETE FROM outgoing WHERE id <= ?", (taken,))


def read_outgoing(db: sqlite3.Connection, *, above: int, limit: int) -> list[Numbered]:
    """What is to be told, in the order of its numbers."""
    rows = db.execute("SELECT id, event FROM outgoing WHERE id > ? ORDER BY id LIMIT ?", (above, limit))
    return [Numbered(number, _outgoing(event)) for number, event in rows.fetchall()]


def _outgoing(event: str) -> Outgoing:
    fields = orjson.loads(event)
    return Outgoing(**{**fields, "channels": tuple(fields["channels"])})
