"""Migrations: applied once, safely, by anybody."""

import asyncio
import re
from dataclasses import replace

import pytest

from tallygate.runtime.clickhouse import ServerTarget, connect
from tallygate.runtime.config import ClickHouseConfig
from tallygate.stream_processors.errors import FatalError, StoreUnavailableError
from tallygate.stream_processors.sink.migrate import Migration, MigrationError, migrate, migrations
from tallygate.stream_processors.sink.statements import split
from tests.schemas.clickhouse.describe import describe
from tests.support.chdb_engine import empty_target

IDEMPOTENT = re.compile(
    r"CREATE TABLE IF NOT EXISTS |CREATE OR REPLACE VIEW |DROP \w+ IF EXISTS |ALTER TABLE \w+ MODIFY "
    r"|ALTER TABLE \w+ (ADD|DROP|CLEAR|RENAME) (COLUMN|INDEX|PROJECTION) IF (NOT )?EXISTS "
    r"|ALTER TABLE \w+\s+MATERIALIZE PROJECTION "
)


def test_numbers_are_unique_and_without_gaps() -> None:
    found = migrations()
    assert [migration.version for migration in found] == list(range(1, len(found) + 1))


@pytest.mark.parametrize("migration", migrations(), ids=lambda migration: migration.name)
def test_every_statement_can_be_run_twice(migration: Migration) -> None:
    for statement in split(migration.sql):
        assert IDEMPOTENT.match(statement), statement[:80]


def test_applied_once() -> None:
    target = empty_target()
    assert migrate(target) == list(migrations())
    assert migrate(target) == []


def test_a_migration_that_was_cut_off_is_run_again() -> None:
    whole = migrations()
    target, other = empty_target(), empty_target()
    migrate(other)
    cut = replace(whole[0], sql="CREATE TABLE IF NOT EXISTS half (a Int8) ENGINE = Memory; SELECT throwIf(1)")
    with pytest.raises(FatalError, match="throwIf"):
        migrate(target, [cut])
    assert migrate(target, whole) == list(whole)
    session = connect(target)
    session.command("DROP TABLE half")
    session.close()
    assert describe(target) == describe(other)


def test_new_migrations_are_applied_to_an_old_database() -> None:
    target = empty_target()
    first = Migration(1, "first", "CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;")
    second = Migration(2, "second", "ALTER TABLE a ADD COLUMN IF NOT EXISTS y Int8; -- done; really")
    assert migrate(target, [first]) == [first]
    assert migrate(target, [first, second]) == [second]
    session = connect(target)
    assert session.rows("SELECT x, y FROM a") == []
    session.close()


def test_a_changed_migration_is_told() -> None:
    target = empty_target()
    first = Migration(1, "first", "CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;")
    migrate(target, [first])
    with pytest.raises(MigrationError, match="0001_first was changed after it was applied"):
        migrate(target, [replace(first, sql=first.sql + " ")])


def test_a_database_of_a_newer_release_is_told() -> None:
    target = empty_target()
    first = Migration(1, "first", "CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;")
    second = Migration(2, "second", "CREATE TABLE IF NOT EXISTS b (x Int8) ENGINE = Memory;")
    migrate(target, [first, second])
    with pytest.raises(MigrationError, match="0002_second, which this release does not know"):
        migrate(target, [first])


def test_an_odd_database_name_is_quoted() -> None:
    target = replace(empty_target(), database="odd-`name; DROP")
    assert migrate(target) == list(migrations())
    assert migrate(target) == []


async def test_two_at_once() -> None:
    target, other = empty_target(), empty_target()
    migrate(other)
    done = await asyncio.gather(*(asyncio.to_thread(migrate, target) for _ in range(4)))
    assert max(map(len, done)) == len(migrations())
    assert migrate(target) == []
    assert describe(target) == describe(other)


def test_a_server_that_is_down() -> None:
    with pytest.raises(StoreUnavailableError, match="no answer"):
        migrate(ServerTarget(ClickHouseConfig(port=1)))
