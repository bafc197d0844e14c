"""Open mode: this machine's own user does everything, without signing in.

A page of any web site, opened in a browser here, could call the API too. Such a page can't send a loopback
`Host` unless it is at one (which stops DNS rebinding), and can't hide its `Origin`.
"""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from tallygate.control.access.access import Access
from tallygate.control.api.errors import RefusedError
from tallygate.control.records import DEFAULT_PROJECT, ProjectRole
from tallygate.control.roles import Role
from tallygate.control.store import projects, users
from tallygate.control.store.database import ControlStore
from tallygate.runtime.loopback import is_loopback_authority

EVERYBODY = Access(actor="open mode", everywhere=True)
ONLY_PROJECT = ProjectRole(id=DEFAULT_PROJECT, name=DEFAULT_PROJECT, role=Role.ADMIN)


class OpenDoor:
    """Lets this machine in, and nobody else."""

    mode = "open"

    def __init__(self, opened: Callable[[], ControlStore] | None = None) -> None:
        self._opened = opened

    def check(self, request: web.Request) -> None:
        """Refuse what was not addressed to this machine, or comes from a page of another."""
        check_local(request)

    async def enter(self, request: web.Request) -> Access:
        """Everybody."""
        return EVERYBODY

    async def has_project(self, project: str) -> bool:
        """As the store says; without one there is the default project only."""
        if self._opened is None:
            return False
        return await has_project(self._opened, project)

    async def projects(self, access: Access) -> Sequence[ProjectRole]:
        """All of them."""
        if self._opened is None:
            return [ONLY_PROJECT]
        return await projects_of(self._opened, access)


def check_local(request: web.Request) -> None:
    """Take only what was addressed to this machine, from a page of this machine.

    Raises:
        RefusedError: 403.
    """
    if not is_loopback_authority(request.host):
        message = f"this API is open to this machine only: call it as localhost, not as {request.host}"
        raise RefusedError(403, "host_not_allowed", message)
    origin = request.headers.get("Origin")
    if origin is not None and not is_loopback_authority(origin.partition("://")[2]):
        raise RefusedError(403, "origin_not_allowed", f"pages of {origin} may not use this API")


async def has_project(opened: Callable[[], ControlStore], project: str) -> bool:
    """Whether the store has a project."""

    def look() -> bool:
        with opened().read() as session:
            return projects.exists(session, project)

    return await asyncio.to_thread(look)


async def projects_of(opened: Callable[[], ControlStore], access: Access) -> Sequence[ProjectRole]:
    """Projects in which somebody has a role."""

    def look() -> Sequence[ProjectRole]:
        with opened().read() as session:
            return users.projects_with(session, None if access.everywhere else dict(access.roles))

    return await asyncio.to_thread(look)
