"""From an operation and a body to the request that the provider gets. Pure."""

from dataclasses import dataclass

from tallygate.edge import headers
from tallygate.edge.errors import GatewayError, invalid_request
from tallygate.edge.headers import Inbound
from tallygate.edge.http.coding import readable_only
from tallygate.edge.http.names import RawHeaders, text
from tallygate.edge.request import rewrite
from tallygate.edge.request.body import RequestBody
from tallygate.edge.routing.operations import (
    INCLUDE_USAGE_OPERATIONS,
    MODEL_OPERATIONS,
    Operation,
    is_openai_operation,
)
from tallygate.edge.routing.registry import OPENAI
from tallygate.edge.routing.router import Route, Router, UnknownModelError


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent where."""

    route: Route
    url: str
    headers: RawHeaders
    hide_usage: bool
    """The usage chunk was asked for by the gateway and is not for the caller."""


def route(router: Router, operation: Operation, model: str) -> Route:
    """The provider of a call.

    Raises:
        GatewayError: 404 `model_not_found`; 400 if the dialect does not fit the provider.
    """
    if operation.passthrough:
        return Route(router.targets[operation.provider], model or operation.model)
    if operation.provider:
        return _of_dialect(router, operation.provider, model)
    if not model:
        return router.by_id(OPENAI.id)
    try:
        return router.by_model(model)
    except UnknownModelError as error:
        if MODEL_OPERATIONS.match(operation.name):
            raise GatewayError(404, "model_not_found", str(error), param="model") from error
        return Route(router.targets[OPENAI.id], model)


def _of_dialect(router: Router, provider: str, model: str) -> Route:
    prefix, slash, _ = model.partition("/")
    if slash and prefix in router.targets and prefix != provider:
        raise invalid_request(
            f"Models of {prefix} can't be called in the dialect of {provider}: use /v1/chat/completions.",
            param="model",
        )
    return router.by_id(provider, model)


def plan(route: Route, operation: Operation, query: str, inbound: Inbound, body: RequestBody) -> Plan:
    """Make the provider's request, changing the body only if the model's name or the usage asks for it."""
    hide_usage = _wants_usage(route, operation, body)
    edits = rewrite.ask_usage(body.scanner()) if hide_usage else []
    if body.fields.model and route.model != body.fields.model:
        edits += rewrite.set_model(body.scanner(), route.model)
    was_encoded = body.decoded is not None and bool(edits)
    body.edit(edits)
    return Plan(
        route=route,
        url=_url(route, operation, query),
        headers=_headers(route, operation, query, inbound, identity=hide_usage, drop_coding=was_encoded),
        hide_usage=hide_usage,
    )


def _wants_usage(route: Route, operation: Operation, body: RequestBody) -> bool:
    """Whether the stream would tell no usage if the gateway did not ask for it."""
    return (
        body.fields.stream
        and not body.fields.asks_usage
        and route.target.provider.stream_usage
        and operation.name in INCLUDE_USAGE_OPERATIONS
        and body.scanner().object_start >= 0
    )


def _url(route: Route, operation: Operation, query: str) -> str:
    target = route.target
    if operation.passthrough:
        base = target.passthrough_url(operation.path)
    elif operation.provider:
        base = target.native_url + operation.path
    else:
        base = target.compat_url + operation.path
    return f"{base}?{query}" if query else base


def _headers(
    route: Route, operation: Operation, query: str, inbound: Inbound, *, identity: bool, drop_coding: bool
) -> RawHeaders:
    sent = inbound.forward
    if drop_coding:
        sent = [(name, value) for name, value in sent if name.lower() != b"content-encoding"]
    sent = [*sent, *_credentials(route, operation, query, inbound)]
    # A compressed stream could not be changed, and a coding unknown here would hide the usage.
    accept = "identity" if identity else inbound.accept_encoding and readable_only(inbound.accept_encoding)
    return [*sent, (b"Accept-Encoding", accept.encode())] if accept else sent


def _credentials(route: Route, operation: Operation, query: str, inbound: Inbound) -> RawHeaders:
    """The caller's own key, or else the one configured for this provider."""
    if inbound.credentials or query.startswith("key=") or "&key=" in query:
        return inbound.credentials
    native = operation.dialect == "anthropic" or (
        operation.passthrough and "/openai/" not in operation.path and not is_openai_operation(operation.path)
    )
    return route.target.key_headers(native=native)


def secrets(plan: Plan, query: str) -> set[str]:
    """The keys that a request carries."""
    carried = {headers.secret_of(text(value)) for name, value in plan.headers if headers.is_credential(name)}
    in_query = {part.partition("=")[2] for part in query.split("&") if part.startswith("key=")}
    return carried | in_query
