"""`/api/v1/auth`: signing in by password, signing out, changing one's password."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import Field, SecretStr

from tallygate.control.access.access import access_of
from tallygate.control.access.client_address import Network, client_address
from tallygate.control.access.cookies import SESSION
from tallygate.control.access.needs import Need, needs
from tallygate.control.access.passwords import Checker, Password, is_dated
from tallygate.control.access.signed_in import SignedInDoor
from tallygate.control.access.throttle import Throttle
from tallygate.control.api.errors import RefusedError
from tallygate.control.api.exchange import answer, body
from tallygate.control.errors import NotFoundError
from tallygate.control.records import User
from tallygate.control.secrets import digest
from tallygate.control.specs import Spec
from tallygate.control.store import sessions, users
from tallygate.control.store.change import Change
from tallygate.schemas.model import Record

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """What signing in works with."""

    door: SignedInDoor
    trusted_proxies: tuple[Network, ...]
    passwords: bool
    """Whether one can sign in by password."""
    provider: str | None
    """The identity provider's name, if one can sign in there."""
    checker: Checker = field(default_factory=Checker)
    throttle: Throttle = field(default_factory=Throttle)


DESK = web.AppKey("desk", Desk)


class Methods(Record):
    """How one signs in here."""

    password: bool
    provider: str | None
    """Name of the identity provider."""
    ready: bool
    """Whether there is an administrator yet."""


class SignIn(Spec):
    """Who wants in. Only bounded: what is no address is one that nobody has."""

    email: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    password: Annotated[SecretStr, Field(max_length=1024)]


class NewPassword(Spec):
    """Another password."""

    current: Annotated[SecretStr, Field(max_length=1024)]
    new: Password


@needs(Need.NOTHING)
async def methods(request: web.Request) -> web.Response:
    """`GET /methods`."""
    desk = request.app[DESK]

    def look() -> bool:
        with desk.door.opened().read() as session:
            return users.has_admin(session)

    ready = await asyncio.to_thread(look)
    return answer(Methods(password=desk.passwords, provider=desk.provider, ready=ready))


@needs(Need.NOTHING)
async def sign_in(request: web.Request) -> web.Response:
    """`POST /sign-in`."""
    desk = request.app[DESK]
    given = await body(request, SignIn)
    if not desk.passwords:
        raise RefusedError(403, "password_not_allowed", "here one signs in at the identity provider")
    email = given.email.strip().lower()
    user_id = await _checked(request, email, given.password)
    secret, user = await noted(desk, lambda change: begin(request, change, user_id, "password"))
    response = answer(user)
    let_in(request, response, secret)
    return response


@needs(Need.NOTHING)
async def sign_out(request: web.Request) -> web.Response:
    """`POST /sign-out`; of who isn't signed in too."""
    desk = request.app[DESK]
    shown = desk.door.cookies.read(request, SESSION)
    if shown is not None:
        await noted(desk, lambda change: sessions.end(change, digest(shown)))
    response = web.Response(status=204)
    desk.door.cookies.clear(response, SESSION)
    return response


@needs(Need.SIGNED_IN)
async def change_password(request: web.Request) -> web.Response:
    """`POST /password`: ends all sessions, and begins a new one here."""
    desk, access = request.app[DESK], access_of(request)
    user = access.user
    if user is None or not desk.passwords:
        raise RefusedError(403, "password_not_allowed", "this is for users who sign in by password")
    given = await body(request, NewPassword)
    await _checked(request, user.email, given.current)
    hashed = await desk.checker.hashed(given.new.get_secret_value())

    def change() -> tuple[str, User]:
        with desk.door.opened().write(access.actor) as made:
            users.set_password(made, user.email, hashed)
            return begin(request, made, user.id, "password")

    secret, changed = await asyncio.to_thread(change)
    response = answer(changed)
    let_in(request, response, secret)
    return response


async def _checked(request: web.Request, email: str, password: SecretStr) -> str:
    """Id of the user whose password this is.

    Raises:
        RefusedError: 401, the same for an address that nobody has; 429 after too many attempts.
    """
    desk = request.app[DESK]
    address = client_address(
        request.remote or "", request.headers.getall("X-Forwarded-For", ()), desk.trusted_proxies
    )
    wait_s = desk.throttle.attempt(email, address, time.monotonic())
    if wait_s > 0:
        log.warning("too many attempts to sign in as %.200r from %s", email, address)
        raise RefusedError(
            429, "too_many_attempts", f"too many attempts; try again in {wait_s:.0f} s", retry_after_s=wait_s
        )

    def look() -> tuple[str, str | None] | None:
        with desk.door.opened().read() as session:
            return users.password_of(session, email)

    found = await asyncio.to_thread(look)
    user_id, kept = found if found is not None else ("", None)
    plain = password.get_secret_value()
    if not await desk.checker.matches(kept, plain):
        log.warning("wrong password for %.200r from %s", email, address)
        raise RefusedError(401, "wrong_password", "the address or the password is wrong")
    desk.throttle.succeeded(email, address)
    if kept is not None and is_dated(kept):
        better = await desk.checker.hashed(plain)
        await noted(desk, lambda change: users.rehash(change, user_id, better))
    return user_id


async def noted(desk: Desk, work: Callable[[Change], T]) -> T:
    """Run something in a transaction that edges needn't know of."""

    def run() -> T:
        with desk.door.opened().note("sign-in") as change:
            return work(change)

    return await asyncio.to_thread(run)


def begin(request: web.Request, change: Change, user_id: str, method: str) -> tuple[str, User]:
    """Begin a session, always under a new secret, and end the one that the browser had."""
    desk = request.app[DESK]
    shown = desk.door.cookies.read(request, SESSION)
    if shown is not None:
        sessions.end(change, digest(shown))
    try:
        return sessions.begin(change, user_id, method, desk.door.lifetime)
    except NotFoundError:
        raise RefusedError(401, "wrong_password", "this user was removed just now") from None


def let_in(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Give the browser its session."""
    door = request.app[DESK].door
    door.cookies.set(response, SESSION, secret, int(door.lifetime.longest.total_seconds()))


ROUTES = (
    web.get("/methods", methods),
    web.post("/sign-in", sign_in),
    web.post("/sign-out", sign_out),
    web.post("/password", change_password),
)
