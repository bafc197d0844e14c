"""From a call's models and headers to the stops that may be tried for it, in order. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from tallygate.control.snapshot import KeyInfo
from tallygate.edge.errors import GatewayError, invalid_header, invalid_request
from tallygate.edge.headers import Inbound
from tallygate.edge.resilience import plan as plans
from tallygate.edge.resilience.fallbacks import build_plan
from tallygate.edge.resilience.plan import Plan
from tallygate.edge.routing.operations import MODEL_OPERATIONS, Operation
from tallygate.edge.routing.registry import ANTHROPIC, OPENAI
from tallygate.edge.routing.router import MAX_MODEL_CHARS, Route, UnknownModelError
from tallygate.edge.routing.target import Target, origin
from tallygate.edge.routing.world import View, own_provider

MAX_STOPS = 64
MAX_KNOWN = 4096
_ROUTING = frozenset(
    {
        "target-url",
        "fallback-model",
        "fallback-oncodes",
        "fallbacks",
        "retry-enabled",
        "retry-num",
        "retry-factor",
        "retry-min-timeout",
        "retry-max-timeout",
    }
)
"""Headers of the gateway's that `build` looks at."""
_CUSTOM = "custom"
_READ_METHODS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing to try: a model at a provider, with the deployments that can take it."""

    target: Target
    """As configured; `places` are what is called."""
    model: str
    """As the provider names it; empty if the call has none."""
    places: tuple[Target, ...]
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Set on the provider's request."""
    body_override: Mapping[str, Any] = field(default_factory=dict, repr=False)
    own_key: bool = False
    """The caller's own provider key, if it sent one, is meant for this provider."""


@dataclass(frozen=True, slots=True)
class Itinerary:
    """What may be tried. `plan.targets[i]` is `stops[i]`."""

    plan: Plan
    stops: tuple[Stop, ...]

    @property
    def may_repeat(self) -> bool:
        """Whether the body may have to be sent more than once."""
        return self.plan.retry.retries > 0 or len(self.stops) > 1


@dataclass(frozen=True, slots=True)
class Caller:
    """Who wants to go there, and what it may."""

    view: View
    key: KeyInfo | None
    inbound: Inbound
    target_urls: tuple[str, ...]
    """Those that may be named, besides the providers'."""


def plan_for(caller: Caller, operation: Operation, method: str, model: str) -> Itinerary:
    """As `build`; what depends on no header is worked out once.

    Raises:
        GatewayError: see `build`.
    """
    if len(model) > MAX_MODEL_CHARS or not _ROUTING.isdisjoint(caller.inbound.gateway):
        return build(caller, operation, method, model)
    known = caller.view.itineraries
    name = (operation, method in _READ_METHODS, model, caller.key.key_id if caller.key is not None else "")
    found = known.get(name)
    if found is None:
        if len(known) >= MAX_KNOWN:
            known.clear()
        found = known[name] = build(caller, operation, method, model)
    return found


def build(caller: Caller, operation: Operation, method: str, model: str) -> Itinerary:
    """Work out where a call may go.

    Raises:
        GatewayError: 400, a header or a model's name is malformed, or a dialect does not fit the provider;
            403 `model_not_allowed`; 404 `model_not_found`.
    """
    listed = not operation.passthrough and (
        operation.name == _MESSAGES or MODEL_OPERATIONS.match(operation.name) is not None
    )
    plan = build_plan(model if listed and model else None, caller.inbound.gateway)
    plan = _everywhere(plan, caller)
    targets: list[plans.Target] = []
    stops: list[Stop] = []
    for target in plan.targets:
        for name in _names(caller, target.model, model):
            stop = _stop(caller, operation, target, name)
            _check_allowed(caller.key, operation, method, stop, name)
            stops.append(stop)
            targets.append(replace(target, model=name))
    first = stops[0].target.id
    stops = [replace(stop, own_key=_own_key(stop, first)) for stop in stops[:MAX_STOPS]]
    return Itinerary(Plan(tuple(targets[:MAX_STOPS]), plan.retry), tuple(stops))


def _names(caller: Caller, planned: str | None, asked: str) -> tuple[str, ...]:
    if planned is None:
        return (asked,)
    return caller.view.snapshot.resolve(caller.view.project, planned) or (planned,)


def _own_key(stop: Stop, first: str) -> bool:
    """A caller's key is for the provider that it called; another one must not see it."""
    return stop.target.id == first


def _everywhere(plan: Plan, caller: Caller) -> Plan:
    """`Target-URL` holds for all targets that name no URL themselves."""
    header = caller.inbound.gateway.get("target-url")
    if header is None:
        return plan
    return replace(
        plan, targets=tuple(replace(t, target_url=t.target_url or header.value) for t in plan.targets)
    )


def _stop(caller: Caller, operation: Operation, target: plans.Target, name: str) -> Stop:
    if target.target_url is not None:
        return _stop_at(caller, operation, target, name)
    route = _route(caller.view, operation, name)
    places = caller.view.places(route.target.id)
    return Stop(route.target, route.model, places, target.headers, target.body_override)


def _stop_at(caller: Caller, operation: Operation, target: plans.Target, name: str) -> Stop:
    url = checked_url(caller, target.target_url or "")
    home = next((t for t in caller.view.router.targets.values() if _is_at(t, url)), None)
    if home is None:
        home = Target(replace(own_provider(_CUSTOM), compat_path="/v1"), url)
        place = home
    else:
        place = next((p for p in caller.view.places(home.id) if _is_at(p, url)), home).at(url)
    prefix = f"{home.id}/"
    model = name.removeprefix(prefix) or operation.model
    return Stop(home, model, (place,), target.headers, target.body_override)


def _is_at(target: Target, url: str) -> bool:
    return target.addressed and origin(target.base_url or target.native_url) == origin(url)


def checked_url(caller: Caller, url: str) -> str:
    """A base URL that may be called.

    Raises:
        GatewayError: 400, it is not on the allow-list.
    """
    header = caller.inbound.gateway.get("target-url") or caller.inbound.gateway.get("fallbacks")
    name = header.name if header is not None else "Tallygate-Target-URL"
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        usable = plain and not parts.query and not parts.fragment and url.isascii() and url.isprintable()
        usable = (
            usable and ".." not in parts.path and "\\" not in url and "%" not in url and origin(url)[2] != 0
        )
    except ValueError:
        usable = False
    if not usable:
        raise invalid_header(name, "must be an http or https base URL.")
    known = (t.base_url for t in caller.view.router.targets.values() if t.base_url)
    if any(origin(each) == origin(url) for each in known) or _listed(url, caller.target_urls):
        return url
    raise invalid_header(name, "this URL is not on the allow-list (setting target_urls, or the project's).")


def _listed(url: str, allowed: Iterable[str]) -> bool:
    return any(
        origin(url) == origin(each)
        and (urlsplit(url).path.rstrip("/") + "/").startswith(urlsplit(each).path.rstrip("/") + "/")
        for each in allowed
    )


def _route(view: View, operation: Operation, model: str) -> Route:
    router = view.router
    if operation.passthrough:
        if operation.provider not in router.targets:
            raise GatewayError(404, "not_found", f"There is no provider {operation.provider}.")
        return Route(router.targets[operation.provider], model or operation.model)
    if operation.provider:
        return _by_dialect(view, operation, model)
    if not model:
        return router.by_id(OPENAI.id)
    try:
        return router.by_model(model)
    except UnknownModelError as error:
        if MODEL_OPERATIONS.match(operation.name):
            raise GatewayError(404, "model_not_found", str(error), param="model") from error
        return Route(router.targets[OPENAI.id], model)


def _by_dialect(view: View, operation: Operation, model: str) -> Route:
    """The route of a call in Anthropic's dialect: messages go to any provider, the rest only to its own."""
    router = view.router
    if not model:
        return router.by_id(operation.provider)
    try:
        route = router.by_model(model)
    except UnknownModelError as error:
        if operation.name == _MESSAGES and "/" in model:
            raise GatewayError(404, "model_not_found", str(error), param="model") from error
        return router.by_id(operation.provider, model)
    native = route.target.provider.dialect == ANTHROPIC.dialect
    if operation.name == _MESSAGES or native:
        return route
    if "/" in model:
        raise invalid_request(
            f"Only /v1/messages is translated for models of {route.target.id}.", param="model"
        )
    return router.by_id(operation.provider, model)


def _check_allowed(key: KeyInfo | None, operation: Operation, method: str, stop: Stop, name: str) -> None:
    """A key that is for some models takes no call that could reach others."""
    if key is None or not key.models:
        return
    model = stop.model or operation.model
    if not model:
        if method in _READ_METHODS:
            return
        raise GatewayError(
            403,
            "model_not_allowed",
            "This key is for certain models, and the call does not say (early enough) which it is for.",
            param="model",
        )
    override = stop.body_override.get("model")
    names = [model] if override is None else [model, str(override)]
    for each in names:
        if not key.allows(each, stop.target.id):
            shown = name or each
            raise GatewayError(
                403, "model_not_allowed", f"This key may not use the model {shown[:256]!r}.", param="model"
            )
