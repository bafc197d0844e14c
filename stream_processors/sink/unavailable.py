"""ClickHouse's errors as those of a store of calls."""

from collections.abc import Iterator
from contextlib import contextmanager

from tallygate.runtime.clickhouse_errors import StatementError, UnavailableError
from tallygate.stream_processors.errors import FatalError, StoreUnavailableError


@contextmanager
def store_errors() -> Iterator[None]:
    """Map the errors of the block.

    Raises:
        StoreUnavailableError: to be tried again.
        FatalError: ClickHouse refuses what we do (no such table, no access): no repetition helps, a restart,
            which migrates, may.
    """
    try:
        yield
    except UnavailableError as error:
        raise StoreUnavailableError(str(error)) from error
    except StatementError as error:
        raise FatalError(f"ClickHouse: {error}") from error
