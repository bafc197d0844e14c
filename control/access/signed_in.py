"""Signing in: who asks is known by the cookie of a session, or by a token."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from tallygate.control.access.access import Access
from tallygate.control.access.cookies import SESSION, Cookies
from tallygate.control.access.needs import READING
from tallygate.control.access.open_door import check_local, has_project, projects_of
from tallygate.control.access.origin import is_own_page, origin_of
from tallygate.control.api.errors import RefusedError
from tallygate.control.records import ProjectRole
from tallygate.control.secrets import ADMIN_PREFIX, digest
from tallygate.control.store import admins, sessions, tokens
from tallygate.control.store.database import ControlStore
from tallygate.control.store.sessions import Lifetime


@dataclass(frozen=True, slots=True)
class SignedInDoor:
    """Lets in who shows a session or a token."""

    opened: Callable[[], ControlStore]
    mode: str
    """As the setting `auth.mode` names it."""
    cookies: Cookies
    lifetime: Lifetime
    public_url: str | None
    """Where browsers find us; None if only this machine does."""

    def check(self, request: web.Request) -> None:
        """Refuse changes that a page of another site has sent: the browser would add our cookie to them."""
        if self.public_url is None:
            check_local(request)
        if request.method in READING or bearer_of(request) is not None:
            return
        # Without an address of its own, the page is at whatever name of this machine the request was sent to.
        own = {origin_of(self.public_url or f"http://{request.host}")}
        if not is_own_page(request.headers, frozenset(own)):
            message = (
                "without a token, changes are taken from the dashboard's own pages only: this request's "
                "Origin and Sec-Fetch-Site don't show that it comes from one"
            )
            raise RefusedError(403, "origin_not_allowed", message)

    async def enter(self, request: web.Request) -> Access:
        """The token's holder if there is a token, else who the session's cookie belongs to."""
        secret = bearer_of(request)
        if secret is not None:
            access = await asyncio.to_thread(self._by_token, secret)
            if access is None:
                raise RefusedError(401, "invalid_token", "this token is unknown, expired or revoked")
            return access
        shown = self.cookies.read(request, SESSION)
        access = None if shown is None else await asyncio.to_thread(self._by_session, digest(shown))
        if access is None:
            raise RefusedError(
                401, "not_signed_in", "sign in, or send Authorization: Bearer tg-api-… or tg-admin-…"
            )
        return access

    async def has_project(self, project: str) -> bool:
        """As the store says."""
        return await has_project(self.opened, project)

    async def projects(self, access: Access) -> Sequence[ProjectRole]:
        """Those in which somebody has a role."""
        return await projects_of(self.opened, access)

    def _by_token(self, secret: str) -> Access | None:
        store = self.opened()
        with store.read() as session:
            if secret.startswith(ADMIN_PREFIX):
                admin = admins.authenticate(session, secret)
                return None if admin is None else Access(f"{admin.name} ({admin.id})", everywhere=True)
            token = tokens.authenticate(session, secret, store.now())
            if token is None:
                return None
            return Access(f"{token.name} ({token.id})", roles={token.project: token.role})

    def _by_session(self, shown: bytes) -> Access | None:
        store = self.opened()
        with store.read() as session:
            known = sessions.find(session, shown, self.lifetime, store.now())
        if known is None:
            return None
        if known.stale:
            with store.note() as change:
                sessions.touch(change, shown)
        return Access(
            known.user.email,
            everywhere=known.user.admin,
            roles=known.roles,
            user=known.user,
            session=shown,
        )


def bearer_of(request: web.Request) -> str | None:
    """The token that a request shows; None if it shows none. Other schemes may be a proxy's own."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None
