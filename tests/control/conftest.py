"""The control store on SQLite and on a real PostgreSQL: one suite runs over both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallygate.control.open import open_store
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import Settings
from tests.support import postgres as support
from tests.support.control import settings_for
from tests.support.postgres import Postgres

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server, one for all tests; each takes a database of its own."""
    if (reason := support.unavailable()) is not None:
        pytest.skip(reason)
    with support.running_postgres() as server:
        yield server


@pytest.fixture(params=BOTH)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings whose control store is new."""
    dsn = None
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        dsn = server.new_database()
    return settings_for(tmp_path, dsn)


@pytest.fixture
def store(settings: Settings) -> Iterator[ControlStore]:
    """That store, migrated."""
    opened = open_store(settings)
    yield opened
    opened.close()
