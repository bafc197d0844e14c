"""Who asks, and what they may do where, as a request's handler gets it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web

from tallygate.control.records import User
from tallygate.control.roles import Role


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, and what they may do where."""

    actor: str
    """As the audit log names them."""
    everywhere: bool = False
    """An administrator of the installation: has every role in every project."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """By project."""
    user: User | None = None
    """None for a token, and in open mode."""
    session: bytes | None = None
    """Digest of the session that was shown, if it was one."""
    project: str = ""
    """The one that this request is about; empty where it is about none."""

    def role_in(self, project: str) -> Role | None:
        """The role in a project."""
        return Role.ADMIN if self.everywhere else self.roles.get(project)

    @property
    def managed(self) -> frozenset[str] | None:
        """Projects whose settings they may change; None for all, and for what all projects share."""
        if self.everywhere:
            return None
        return frozenset(project for project, role in self.roles.items() if role.covers(Role.ADMIN))

    def about(self, project: str) -> "Access":
        """The same, about a project."""
        return replace(self, project=project)


ACCESS = web.RequestKey("access", Access)


def access_of(request: web.Request) -> Access:
    """Who asks. The gate has let them through: a handler that runs without it fails here."""
    return request[ACCESS]
