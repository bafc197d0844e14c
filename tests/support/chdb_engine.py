"""chDB for tests: one engine in the test process, a database of its own for each test.

chDB opens one directory a process, and stops when its last session closes: the first test that asks opens a
directory that lives as long as the process.
"""

import atexit
import functools
import itertools
import shutil
import tempfile
from pathlib import Path

from tallygate.runtime.clickhouse import EmbeddedTarget, Session, connect
from tallygate.stream_processors.sink.migrate import migrate

_numbers = itertools.count(1)


@functools.cache
def _engine() -> tuple[Path, Session]:
    directory = Path(tempfile.mkdtemp(prefix="tallygate-chdb-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    target = EmbeddedTarget(directory / "chdb", database="default")
    return target.path, connect(target)


def empty_target() -> EmbeddedTarget:
    """A database that does not exist yet."""
    path, _keeps_it_running = _engine()
    return EmbeddedTarget(path, database=f"test_{next(_numbers)}")


def migrated_target() -> EmbeddedTarget:
    """A database with the tables and views of this release."""
    target = empty_target()
    migrate(target)
    return target
