"""A store that is opened at the first use that succeeds: one that is down keeps nobody from starting."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from tallygate.control.errors import MasterKeyError, SchemaError, StoreUnavailableError
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import ConfigError

log = logging.getLogger(__name__)


class LaterStore:
    """The store of an application."""

    def __init__(self, opening: Callable[[], ControlStore]) -> None:
        self._opening = opening
        self._lock = threading.Lock()
        self._store: ControlStore | None = None

    def opened(self) -> ControlStore:
        """The store; blocks.

        Raises:
            StoreUnavailableError: try again later.
        """
        with self._lock:
            if self._store is None:
                self._store = self._opening()
            return self._store

    def close(self) -> None:
        """Close it if it was opened."""
        with self._lock:
            if self._store is not None:
                self._store.close()

    async def lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        """For an application's `cleanup_ctx`: opens the store at its start and closes it at its end.

        Raises:
            ConfigError: the store can't be used at all.
        """
        try:
            await asyncio.to_thread(self.opened)
        except StoreUnavailableError as error:
            log.warning("the admin API waits for its store: %s", error)
        except (SchemaError, MasterKeyError) as error:
            raise ConfigError(str(error)) from error
        yield
        await asyncio.to_thread(self.close)
