"""Puts the door that the settings ask for before an application."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from aiohttp import web

from tallygate.control.access.cookies import Cookies
from tallygate.control.access.gate import Door
from tallygate.control.access.open_door import OpenDoor
from tallygate.control.access.signed_in import SignedInDoor
from tallygate.control.api.app import shaped
from tallygate.control.api.errors import errors_told
from tallygate.control.store.database import ControlStore
from tallygate.control.store.sessions import Lifetime
from tallygate.runtime.config import Settings

PREFIX = "/api/v1/auth"


def door_for(settings: Settings, opened: Callable[[], ControlStore]) -> Door:
    """The door."""
    auth = settings.auth
    if auth.mode == "open":
        return OpenDoor(opened)
    return SignedInDoor(
        opened,
        auth.mode,
        Cookies(secure=(auth.public_url or "").startswith("https://")),
        Lifetime(timedelta(seconds=auth.session_idle_s), timedelta(seconds=auth.session_max_s)),
        auth.public_url,
    )


def mount_sign_in(app: web.Application, settings: Settings, door: Door) -> None:
    """Serve what one signs in with below `PREFIX`; nothing in open mode."""
    if not isinstance(door, SignedInDoor):
        return
    # What only signing in needs takes a while to import.
    from tallygate.control.access import sign_in

    auth, oidc = settings.auth, settings.oidc
    desk = sign_in.Desk(
        door, auth.trusted_proxies, passwords=auth.passwords, provider=oidc.name if auth.provider else None
    )
    inner = web.Application(middlewares=(errors_told, shaped))
    inner[sign_in.DESK] = desk
    inner.add_routes(sign_in.ROUTES)
    if auth.provider:
        from tallygate.control.access import at_provider
        from tallygate.control.access.provider import Provider

        base = auth.public_url or f"http://{settings.api_host}:{settings.api_port}"
        inner[at_provider.PROVIDER] = Provider(oidc, f"{base}{PREFIX}/oidc/callback")
        inner[at_provider.NEW_USERS] = oidc
        inner.add_routes(at_provider.ROUTES)

    async def closed(_app: web.Application) -> AsyncIterator[None]:
        yield
        desk.checker.close()

    inner.cleanup_ctx.append(closed)
    app.add_subapp(PREFIX, inner)
