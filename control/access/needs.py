"""What a route asks of its callers.

Without a mark, a route of a project asks for a viewer if it reads and for a member if it changes something: a
route that nobody thought about is not open.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, TypeVar

from aiohttp import web

from tallygate.control.roles import Role

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[web.StreamResponse]])
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_MARK = "__tallygate_need__"


class Need(Enum):
    """From least to most."""

    NOTHING = "nothing"
    """Pages' files, health, signing in."""
    SIGNED_IN = "signed in"
    """Whoever we know, with a role anywhere or nowhere."""
    VIEWER = Role.VIEWER
    """In the project that the request is about, as the next two."""
    MEMBER = Role.MEMBER
    ADMIN = Role.ADMIN
    MANAGER = "manager"
    """Administrator of some project; the store shows and takes only what belongs to those."""
    INSTALLATION = "installation"
    """Administrator of all."""

    @property
    def role(self) -> Role | None:
        """The role that is needed in the request's project; None if the request is about none."""
        return self.value if isinstance(self.value, Role) else None


def needs(need: Need) -> Callable[[Handler], Handler]:
    """Mark a handler."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _MARK, need)
        return handler

    return mark


def is_marked(handler: Any) -> bool:
    """Whether a handler says itself what it asks."""
    return hasattr(handler, _MARK)


def need_of(method: str, handler: Any) -> Need:
    """What a request by this method to this handler asks."""
    marked: Need | None = getattr(handler, _MARK, None)
    if marked is not None:
        return marked
    return Need.VIEWER if method in READING else Need.MEMBER
