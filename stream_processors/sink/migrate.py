"""Brings a ClickHouse database to the schema of this release: the numbered files of `schemas/clickhouse`.

There are no locks and no transactions over DDL in ClickHouse. So every statement of a migration may be run
twice (`IF NOT EXISTS`, `OR REPLACE`): a migration that was cut off is run again from its beginning, and two
processes that start at once do the same work without harm.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from tallygate.runtime.clickhouse import Session, StatementError, Target, connect
from tallygate.schemas.clickhouse import console_database, quoted
from tallygate.stream_processors.errors import FatalError
from tallygate.stream_processors.sink.statements import split
from tallygate.stream_processors.sink.unavailable import store_errors

log = logging.getLogger(__name__)

_FILE = re.compile(r"(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_RACES = frozenset({57, 82})
"""TABLE_ALREADY_EXISTS, DATABASE_ALREADY_EXISTS: another process made it between the check and the act."""
_ATTEMPTS = 5

_JOURNAL = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version UInt32,
    name String,
    checksum String,
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY version
"""

_HELD = "SELECT version, name, groupUniqArray(checksum) FROM schema_migrations GROUP BY version, name"


class MigrationError(FatalError):
    """The database was not made by these migrations."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A numbered file."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """The migrations of this release, in order."""
    files = resources.files("tallygate.schemas.clickhouse").iterdir()
    named = ((file, m) for file in files if (m := _FILE.fullmatch(file.name)))
    found = (
        Migration(int(match["version"]), match["name"], file.read_text("utf-8")) for file, match in named
    )
    return tuple(sorted(found, key=lambda migration: migration.version))


def migrate(target: Target, wanted: Sequence[Migration] | None = None) -> list[Migration]:
    """Create the database if it is missing, apply what is not applied, and return that.

    Raises:
        MigrationError: an applied migration has changed since, or is not known to this release.
        StoreUnavailableError: ClickHouse can't be reached; nothing is lost by calling again.
        FatalError: ClickHouse refuses a statement.
    """
    wanted = migrations() if wanted is None else wanted
    with store_errors():
        session = connect(target, database="default")
        try:
            for database in (target.database, console_database(target.database)):
                _run(session, f"CREATE DATABASE IF NOT EXISTS {quoted(database)}")
            # Held until the next session is open: chDB's engine stops with the last one.
            own = connect(target)
        finally:
            session.close()
        try:
            return _apply_missing(own, wanted)
        finally:
            own.close()


def _apply_missing(session: Session, wanted: Sequence[Migration]) -> list[Migration]:
    _run(session, _JOURNAL)
    rows = session.rows(_HELD)
    held = {version: (name, checksums) for version, name, checksums in rows}
    _check(held, wanted)
    missing = [migration for migration in wanted if migration.version not in held]
    for migration in missing:
        log.info("applying migration %04d_%s", migration.version, migration.name)
        for statement in split(migration.sql):
            _run(session, statement)
        entry = tuple([value] for value in (migration.version, migration.name, migration.checksum))
        session.insert(
            "schema_migrations", ["version", "name", "checksum"], ["UInt32", "String", "String"], entry
        )
    return missing


def _check(held: dict[int, tuple[str, list[str]]], wanted: Sequence[Migration]) -> None:
    known = {migration.version: migration for migration in wanted}
    for version, (name, checksums) in sorted(held.items()):
        migration = known.get(version)
        if migration is None:
            raise MigrationError(
                f"the database has migration {version:04d}_{name}, which this release does not know: "
                "it was made by a newer one; run that, or point to another database"
            )
        if checksums != [migration.checksum]:
            raise MigrationError(
                f"migration {version:04d}_{name} was changed after it was applied to this database: "
                "put the file back as it was, and make the change in a new migration"
            )


def _run(session: Session, statement: str) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            session.command(statement)
        except StatementError as error:
            if error.code not in _RACES or attempt == _ATTEMPTS:
                raise
        else:
            return
