"""The gate: the one place that decides whether a request reaches its handler, and about which project.

It stands before everything that the process serves. Behind it, `access_of` tells who asks; nothing behind it
looks at cookies, tokens or the choice of a project again.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from tallygate.control.access.access import ACCESS, Access
from tallygate.control.access.needs import Need, need_of
from tallygate.control.api.errors import RefusedError, told
from tallygate.control.errors import ControlError
from tallygate.control.records import DEFAULT_PROJECT, ProjectRole
from tallygate.control.roles import Role
from tallygate.control.specs import PROJECT_ID

PROJECT_HEADER = "Tallygate-Project"
PROJECT_PARAMETER = "project"


class Door(Protocol):
    """How it is found out who asks: one for open mode, one for signing in."""

    @property
    def mode(self) -> str:
        """As the setting `auth.mode` names it."""
        ...

    def check(self, request: web.Request) -> None:
        """Refuse what must not come in whoever asks, such as what a page of another site has sent.

        Raises:
            RefusedError: 403.
        """
        ...

    async def enter(self, request: web.Request) -> Access:
        """Who asks.

        Raises:
            RefusedError: 401.
            StoreUnavailableError: that can't be found out now.
        """
        ...

    async def has_project(self, project: str) -> bool:
        """Whether there is such a project."""
        ...

    async def projects(self, access: Access) -> Sequence[ProjectRole]:
        """Projects to choose from."""
        ...


DOOR = web.AppKey[Door]("door")


def gate(door: Door) -> Middleware:
    """The middleware; it belongs inside those that shape every answer, and outside all others."""

    @web.middleware
    async def gated(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            request = await _let_in(door, request)
        except (RefusedError, ControlError) as error:
            return told(error)
        return await handler(request)

    return gated


async def _let_in(door: Door, request: web.Request) -> web.Request:
    door.check(request)
    if request.match_info.http_exception is not None:
        return request  # no such route; it will say so itself
    need = need_of(request.method, request.match_info.handler)
    if need is Need.NOTHING:
        return request
    access = await door.enter(request)
    if need.role is not None:
        access = access.about(await _project(door, request, access, need.role))
    elif need is Need.SIGNED_IN:
        access = access.about(usual_project(access) or "")
    elif not may_administrate(access, need):
        raise RefusedError(403, "role_too_low", "this is for administrators")
    if need.role is not None and PROJECT_PARAMETER in request.query:
        # Said and done: handlers take every parameter for one of theirs.
        request = request.clone(rel_url=request.rel_url.without_query_params(PROJECT_PARAMETER))
    request[ACCESS] = access
    return request


def may_administrate(access: Access, need: Need) -> bool:
    """Whether somebody is an administrator: of something, or of the installation if that is needed."""
    return access.everywhere or (need is Need.MANAGER and bool(access.managed))


async def _project(door: Door, request: web.Request, access: Access, needed: Role) -> str:
    asked = _asked(request)
    project = asked or usual_project(access)
    if project is None:
        raise RefusedError(403, "no_project", "you have no role in any project: ask an administrator for one")
    role = access.role_in(project)
    if role is None:
        raise RefusedError(403, "project_not_allowed", f"you have no role in project {project!r}", "project")
    if not role.covers(needed):
        message = f"this needs the role {needed} in project {project!r}, and yours is {role}"
        raise RefusedError(403, "role_too_low", message)
    if access.everywhere and asked not in (None, DEFAULT_PROJECT) and not await door.has_project(project):
        raise RefusedError(404, "project_not_found", f"there is no project {project!r}", "project")
    return project


def usual_project(access: Access) -> str | None:
    """The project that is meant by a request that names none."""
    if access.role_in(DEFAULT_PROJECT) is not None:
        return DEFAULT_PROJECT
    return min(access.roles, default=None)


def _asked(request: web.Request) -> str | None:
    named: set[str] = {
        *request.query.getall(PROJECT_PARAMETER, ()),
        *request.headers.getall(PROJECT_HEADER, ()),
    }
    if not named:
        return None
    project = named.pop()
    if named:
        raise RefusedError(400, "invalid_parameter", "the request names several projects", "project")
    if re.fullmatch(PROJECT_ID, project) is None:
        raise RefusedError(400, "invalid_parameter", "project: is no project's id", "project")
    return project
