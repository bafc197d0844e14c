"""The admin API as a sub-application."""

from aiohttp import web

from tallygate.control.api import admins, aliases, credentials, keys, projects
from tallygate.control.api.errors import errors_told
from tallygate.control.api.exchange import STORE
from tallygate.control.api.guard import guard
from tallygate.control.store.database import ControlStore

PREFIX = "/api/v1/admin"


def build_admin(store: ControlStore, *, open_mode: bool) -> web.Application:
    """An application to be mounted with `app.add_subapp(PREFIX, build_admin(…))`.

    `open_mode` lets everybody in who speaks to a loopback name: only for a process that listens there.
    The store stays the caller's to close.
    """
    app = web.Application(middlewares=(errors_told, guard(store, open_mode=open_mode)))
    app[STORE] = store
    for module in (projects, keys, credentials, aliases, admins):
        app.add_routes(module.ROUTES)
    return app
