"""The admin API as a sub-application, and its mounting into the process that serves it."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from tallygate.control.api import admins, aliases, channels, credentials, keys, projects, rules
from tallygate.control.api.errors import errors_told
from tallygate.control.api.exchange import OPENED
from tallygate.control.api.guard import guard
from tallygate.control.errors import MasterKeyError, SchemaError, StoreUnavailableError
from tallygate.control.open import open_store
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import ConfigError, Settings

log = logging.getLogger(__name__)
PREFIX = "/api/v1/admin"


def build_admin(opened: Callable[[], ControlStore], *, open_mode: bool) -> web.Application:
    """An application to be mounted with `app.add_subapp(PREFIX, build_admin(…))`.

    `opened` gives the store, in a thread, and may raise `StoreUnavailableError`. `open_mode` lets everybody
    in who speaks to a loopback name: only for a process that listens there.
    """
    app = web.Application(middlewares=(errors_told, guard(opened, open_mode=open_mode)))
    app[OPENED] = opened
    for module in (projects, keys, credentials, aliases, rules, channels, admins):
        app.add_routes(module.ROUTES)
    return app


def mount_admin(app: web.Application, settings: Settings, *, open_mode: bool) -> None:
    """Serve the admin API below `PREFIX` of an application, with a store that lives as long as it.

    A store that is down doesn't keep the application from starting: it is opened when it is back.
    At its start the application raises `ConfigError` if the store can't be used at all.
    """
    store = _LaterStore(lambda: open_store(settings))
    app.add_subapp(PREFIX, build_admin(store.opened, open_mode=open_mode))

    async def lifetime(_app: web.Application) -> AsyncIterator[None]:
        try:
            await asyncio.to_thread(store.opened)
        except StoreUnavailableError as error:
            log.warning("the admin API waits for its store: %s", error)
        except (SchemaError, MasterKeyError) as error:
            raise ConfigError(str(error)) from error
        yield
        await asyncio.to_thread(store.close)

    app.cleanup_ctx.append(lifetime)


class _LaterStore:
    """A store that is opened at the first use that succeeds."""

    def __init__(self, opening: Callable[[], ControlStore]) -> None:
        self._opening = opening
        self._lock = threading.Lock()
        self._store: ControlStore | None = None

    def opened(self) -> ControlStore:
        """The store; blocks."""
        with self._lock:
            if self._store is None:
                self._store = self._opening()
            return self._store

    def close(self) -> None:
        """Close it if it was opened."""
        with self._lock:
            if self._store is not None:
                self._store.close()
