"""The admin API as a sub-application."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from tallygate.control.access.needs import Need, is_marked, needs
from tallygate.control.api import (
    admins,
    aliases,
    channels,
    credentials,
    deliveries,
    keys,
    members,
    projects,
    rules,
    tokens,
)
from tallygate.control.api.errors import JSON, RefusedError, errors_told
from tallygate.control.api.exchange import OPENED
from tallygate.control.store.database import ControlStore

PREFIX = "/api/v1/admin"
CHANGING = frozenset({"POST", "PUT", "PATCH"})


def build_admin(opened: Callable[[], ControlStore]) -> web.Application:
    """An application to be mounted with `app.add_subapp(PREFIX, build_admin(…))` behind a gate.

    `opened` gives the store, in a thread, and may raise `StoreUnavailableError`.
    """
    app = web.Application(middlewares=(errors_told, shaped))
    app[OPENED] = opened
    for module in (
        projects,
        keys,
        credentials,
        aliases,
        rules,
        channels,
        deliveries,
        tokens,
        members,
        admins,
    ):
        for route in module.ROUTES:
            if not is_marked(route.handler):
                needs(Need.MANAGER)(route.handler)
        app.add_routes(module.ROUTES)
    return app


@web.middleware
async def shaped(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take JSON, and let nobody keep an answer.

    A form of another site can be sent without asking; JSON can't.
    """
    if request.method in CHANGING and request.content_type != JSON:
        raise RefusedError(415, "unsupported_media_type", f"send Content-Type: {JSON}")
    response = await handler(request)
    response.headers["Cache-Control"] = "no-store"
    return response
