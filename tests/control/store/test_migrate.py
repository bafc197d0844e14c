"""Migrations: to exactly the declared tables, once, whoever starts at the same time."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from tallygate.control import migrations
from tallygate.control.errors import SchemaError, StoreUnavailableError
from tallygate.control.open import open_store
from tallygate.control.store import rules
from tallygate.control.store.database import ControlStore
from tallygate.control.store.engine import engine_for
from tallygate.control.store.migrate import migrate
from tallygate.control.store.tables import Base
from tallygate.runtime.config import ConfigError, Settings
from tallygate.schemas.filters import Condition, Op
from tallygate.schemas.rules import CalendarWindow
from tests.support.control import issue, settings_for
from tests.support.postgres import Postgres


def test_the_head_that_the_code_names_is_the_newest_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def sqlite_schema(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return sorted(" ".join(sql.split()) for (sql,) in rows if "alembic_version" not in sql)


def declared(engine: Engine) -> None:
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
    engine.dispose()


def test_migrated_is_declared_on_sqlite(tmp_path: Path) -> None:
    (tmp_path / "declared.db").touch()
    declared(engine_for(None, tmp_path / "declared.db"))
    open_store(settings_for(tmp_path)).close()
    assert sqlite_schema(tmp_path / "control.db") == sqlite_schema(tmp_path / "declared.db")
    assert len(sqlite_schema(tmp_path / "control.db")) >= 14


@pytest.mark.postgres
def test_migrated_is_declared_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    by_migration, by_declaration = postgres.new_database(), postgres.new_database()
    open_store(settings_for(tmp_path, by_migration)).close()
    declared(engine_for(by_declaration, tmp_path))
    options = ("--schema-only", "--exclude-table=*.alembic_version")
    migrated_sql = postgres.dump(by_migration, *options)
    assert migrated_sql == postgres.dump(by_declaration, *options)
    assert migrated_sql.count("CREATE TABLE") == len(Base.metadata.tables)


def test_a_second_start_changes_nothing(settings: Settings, store: ControlStore) -> None:
    issue(store)
    before = store.dump()
    again = open_store(settings)
    assert again.dump() == before
    again.close()


def test_many_processes_that_start_at_once_make_one_store(settings: Settings) -> None:
    dsn = settings.control.dsn.get_secret_value() if settings.control.dsn else None
    code = (
        "from pathlib import Path\n"
        "from tallygate.control.open import open_store\n"
        "from tests.support.control import issue, settings_for\n"
        f"store = open_store(settings_for(Path({str(settings.data_dir)!r}), {dsn!r}))\n"
        "issue(store); store.close()\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    for process in started:
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 0, errors.decode()
    store = open_store(settings)
    assert store.dump().version == len(store.dump().keys) == len(started)
    store.close()


def test_a_newer_releases_store_is_not_touched(settings: Settings, store: ControlStore) -> None:
    with store.write("test") as change:
        change.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="revision 9999, which this release doesn't know"):
        open_store(settings)


def test_a_migration_that_fails_leaves_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alembic.op.create_index", lambda *_args, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_store(settings)
    monkeypatch.undo()
    open_store(settings).close()


def test_a_keys_budget_becomes_a_rule_that_tells(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "HEAD", "0001")
    store = open_store(settings)
    columns = "id, project, name, user_id, models, rate_limits, budget_limit_nanos, created_at"
    with store.write("test") as change:
        for key_id, limit in (("key_1", "5000000000"), ("key_2", "NULL")):
            values = f"'{key_id}', 'default', 'ci', '', '[]', '[]', {limit}, 1"
            change.session.execute(text(f"INSERT INTO keys ({columns}) VALUES ({values})"))
    store.close()
    monkeypatch.undo()
    store = open_store(settings)
    (rule,) = store.dump().rules
    assert rule.name == "Budget of key ci"
    assert (rule.metric, rule.limit, rule.action) == ("cost", 5_000_000_000, "notify")
    assert (rule.filter, rule.window) == (
        Condition(field="key_id", op=Op.EQ, value="key_1"),
        CalendarWindow(period="month"),
    )
    with store.read() as session:
        assert rules.show(session, rule.rule_id) == rule
    store.close()


def test_tables_that_are_not_there_are_told(settings: Settings, store: ControlStore) -> None:
    with store.write("test") as change:
        change.session.execute(text("DROP TABLE aliases"))
    with pytest.raises(SchemaError, match="not those of this release"):
        store.dump()
    assert settings.data_dir.exists()


def test_the_file_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    open_store(settings_for(tmp_path / "a" / "b")).close()
    directory = tmp_path / "a" / "b"
    assert {path.name: path.stat().st_mode & 0o077 for path in directory.iterdir() if path.is_file()} == {
        "control.db": 0,
        "control.db.lock": 0,
        "master.key": 0,
    }
    connection = sqlite3.connect(directory / "control.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreUnavailableError, match="can't be used"):
        migrate(engine_for(None, tmp_path / "data" / "control.db"))


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "nonsense",
        "mysql://u:hunter2@h/d",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql+asyncpg://h/d",
        "://",
    ],
)
def test_dsns_that_can_not_be_used(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^control\.dsn: ") as caught:
        engine_for(dsn, tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_sqlite_dsn_and_odd_paths(tmp_path: Path) -> None:
    path = tmp_path / "odd #? %41 name" / "store.db"
    engine = engine_for(f"sqlite:///{path}".replace("?", "%3F"), tmp_path)
    engine.dispose()
    odd = tmp_path / "odd #? %41 name"
    store = open_store(settings_for(odd))
    issue(store)
    store.close()
    assert (odd / "control.db").stat().st_size > 0
