"""`/api/v1/auth/oidc`: signing in at the identity provider. The browser goes there and brings a code back.

What has to be remembered meanwhile is in a sealed cookie: it belongs to this browser and to no other.
"""

import asyncio
import base64
import binascii
import hmac
import logging
import re
import time
from dataclasses import asdict

import orjson
from aiohttp import web
from pydantic import ValidationError

from tallygate.control.access.cookies import FLOW
from tallygate.control.access.needs import Need, needs
from tallygate.control.access.provider import Flow, Person, Provider, ProviderError
from tallygate.control.access.sign_in import DESK, begin, let_in
from tallygate.control.errors import ConflictError, NotFoundError, SealError
from tallygate.control.records import User
from tallygate.control.roles import Role
from tallygate.control.specs import Grant, NewUser
from tallygate.control.store import users
from tallygate.control.store.change import Change
from tallygate.control.vault import Vault
from tallygate.runtime.config import OidcConfig

log = logging.getLogger(__name__)
PROVIDER = web.AppKey("provider", Provider)
NEW_USERS = web.AppKey("new_users", OidcConfig)
CONTEXT = "sign-in at the identity provider"
FLOW_S = 600
"""How long somebody may take there."""
LOCAL = re.compile(r"/(?![/\\])[^\x00-\x20\\]{0,2000}")
ACTOR = "sign-in at the identity provider"
NAME_CHARS = 200
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@needs(Need.NOTHING)
async def start(request: web.Request) -> web.Response:
    """`GET /oidc?next=/…`: on to the provider."""
    provider = request.app[PROVIDER]
    try:
        url, flow = await asyncio.to_thread(provider.begin)
    except ProviderError as error:
        return _failed(error)
    response = web.Response(status=303, headers={"Location": url})
    desk = request.app[DESK]
    following = request.query.get("next", "/")
    vault = (await asyncio.to_thread(desk.door.opened)).vault
    desk.door.cookies.set(response, FLOW, sealed(vault, flow, following, time.time()), FLOW_S)
    return response


@needs(Need.NOTHING)
async def callback(request: web.Request) -> web.Response:
    """`GET /oidc/callback`: back from the provider."""
    desk = request.app[DESK]
    try:
        flow, following = await _remembered(request)
        code = _code(request, flow)
        person = await asyncio.to_thread(request.app[PROVIDER].finish, code, flow)
        secret = await asyncio.to_thread(_known, request, person)
    except ProviderError as error:
        response = _failed(error)
    else:
        response = web.Response(status=303, headers={"Location": following})
        let_in(request, response, secret)
    desk.door.cookies.clear(response, FLOW)
    return response


def sealed(vault: Vault, flow: Flow, following: str, now_s: float) -> str:
    """The cookie that remembers a flow."""
    target = following if LOCAL.fullmatch(following) else "/"
    plain = orjson.dumps({"flow": asdict(flow), "next": target, "until": now_s + FLOW_S})
    return base64.urlsafe_b64encode(vault.seal(plain, context=CONTEXT)).decode()


def opened(vault: Vault, cookie: str, now_s: float) -> tuple[Flow, str]:
    """What it remembers: the flow, and where to go then.

    Raises:
        ProviderError: it is not ours, or too old.
    """
    try:
        found = orjson.loads(vault.open(base64.urlsafe_b64decode(cookie), context=CONTEXT))
    except (SealError, binascii.Error, ValueError) as error:
        raise ProviderError("expired", "the cookie of the sign-in can't be opened") from error
    if found["until"] < now_s:
        raise ProviderError("expired", "the sign-in has taken too long")
    return Flow(**found["flow"]), str(found["next"])


async def _remembered(request: web.Request) -> tuple[Flow, str]:
    door = request.app[DESK].door
    cookie = door.cookies.read(request, FLOW)
    if cookie is None:
        raise ProviderError("expired", "the browser shows no cookie of a sign-in")
    vault = (await asyncio.to_thread(door.opened)).vault
    return opened(vault, cookie, time.time())


def _code(request: web.Request, flow: Flow) -> str:
    given = request.query
    if not hmac.compare_digest(given.get("state", "").encode("utf-8", "replace"), flow.state.encode()):
        raise ProviderError("expired", "the answer belongs to no sign-in of this browser")
    if request.app[PROVIDER].issued_by_another(given.get("iss")):
        raise ProviderError("untrusted", "the answer is another provider's")
    if "code" not in given:
        error = given.get("error", "no code")
        code = "denied" if error == "access_denied" else "refused"
        raise ProviderError(code, f"the provider says {error[:100]!r}")
    return given["code"]


def _known(request: web.Request, person: Person) -> str:
    """Begin a session of who has signed in; returns its secret. Blocks."""
    store = request.app[DESK].door.opened()
    new_users = request.app[NEW_USERS]
    try:
        with store.write(ACTOR) as change:
            user = _user(change, person, new_users)
            secret, _ = begin(request, change, user.id, "oidc")
    except ConflictError as error:
        raise ProviderError("another_account", str(error)) from error
    return secret


def _user(change: Change, person: Person, new_users: OidcConfig) -> User:
    user = users.bind(change, person.email, person.subject)
    if user is not None:
        return user
    domain = person.email.rpartition("@")[2]
    if domain not in {name.lower() for name in new_users.create_domains}:
        raise ProviderError("unknown_user", f"there is no user {person.email[:200]!r}")
    try:
        new = NewUser(email=person.email, name=_CONTROLS.sub("", person.name)[:NAME_CHARS].strip() or None)
    except ValidationError as error:
        raise ProviderError("no_email", "the provider's e-mail address is none") from error
    user = users.add(change, new, subject=person.subject)
    try:
        users.grant(
            change,
            Grant(email=user.email, project=new_users.create_project, role=Role(new_users.create_role)),
        )
    except NotFoundError as error:
        raise ProviderError("misconfigured", f"oidc.create_project: {error}") from error
    return user


def _failed(error: ProviderError) -> web.Response:
    log.warning("no sign-in at the identity provider: %s", error)
    return web.Response(status=303, headers={"Location": f"/sign-in?error={error.code}"})


ROUTES = (web.get("/oidc", start), web.get("/oidc/callback", callback))
