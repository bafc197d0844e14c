"""Who may use the admin API: holders of an admin token; in open mode, this machine's own user.

Open mode has no token, so a page of any web site, opened in a browser here, could call it. Such a page can't
send a loopback `Host` unless it is at one (which stops DNS rebinding), can't hide its `Origin`, and can't
send JSON elsewhere without asking first (which is never granted).
"""

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from tallygate.control.api.errors import JSON, RefusedError
from tallygate.control.store import admins
from tallygate.control.store.database import ControlStore
from tallygate.runtime.loopback import is_loopback_authority

ACTOR = web.RequestKey("actor", str)
OPEN_ACTOR = "open mode"
CHANGING = frozenset({"POST", "PUT", "PATCH"})


def guard(opened: Callable[[], ControlStore], *, open_mode: bool) -> Middleware:
    """The middleware that lets requests through."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if open_mode:
            _check_local(request)
            request[ACTOR] = OPEN_ACTOR
        else:
            request[ACTOR] = await _authenticated(opened, request)
        if request.method in CHANGING and request.content_type != JSON:
            raise RefusedError(415, "unsupported_media_type", f"send Content-Type: {JSON}")
        response = await handler(request)
        response.headers["Cache-Control"] = "no-store"
        return response

    return guarded


def _check_local(request: web.Request) -> None:
    if not is_loopback_authority(request.host):
        raise RefusedError(
            403, "host_not_allowed", "without admin tokens the API answers on loopback names only"
        )
    origin = request.headers.get("Origin")
    if origin is not None and not is_loopback_authority(origin.partition("://")[2]):
        raise RefusedError(403, "origin_not_allowed", "calls from pages of other sites are refused")


async def _authenticated(opened: Callable[[], ControlStore], request: web.Request) -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise RefusedError(
            401,
            "invalid_admin_token",
            "send Authorization: Bearer tg-admin-…; `tallygate admins create` makes a token",
        )

    def lookup() -> str | None:
        with opened().read() as session:
            token = admins.authenticate(session, secret.strip())
            return None if token is None else f"{token.name} ({token.id})"

    actor = await asyncio.to_thread(lookup)
    if actor is None:
        raise RefusedError(401, "invalid_admin_token", "this admin token is unknown or revoked")
    return actor
