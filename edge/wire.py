"""From a stop and a deployment to the request that the provider gets. Pure, but for signing's clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from tallygate.edge import headers
from tallygate.edge.dialects.common.base import Target as DialectTarget
from tallygate.edge.dialects.common.errors import TranslationError
from tallygate.edge.dialects.exchange import Exchange, Translation
from tallygate.edge.dialects.table import TRANSLATIONS, CallerDialect, ProviderDialect
from tallygate.edge.errors import GatewayError, invalid_request
from tallygate.edge.headers import Inbound
from tallygate.edge.http.coding import readable_only
from tallygate.edge.http.names import RawHeaders, text
from tallygate.edge.providers.sigv4 import AwsCredentials, Scope, Signable, sign
from tallygate.edge.request import fields, rewrite
from tallygate.edge.request.body import WHOLE_BODY_BYTES, RequestBody
from tallygate.edge.resilience.plan import apply_override
from tallygate.edge.routing.itinerary import Stop
from tallygate.edge.routing.operations import INCLUDE_USAGE_OPERATIONS, Operation, is_openai_operation
from tallygate.edge.routing.registry import BEDROCK
from tallygate.edge.routing.target import BEDROCK_REGION, Target

_CALLERS: Mapping[str, CallerDialect] = {
    "chat/completions": "openai.chat",
    "responses": "openai.responses",
    "messages": "anthropic.messages",
}
_OF_DIALECT = (b"anthropic-", b"openai-", b"x-goog-")
_OF_BODY = frozenset({b"content-type", b"content-encoding", b"accept"})


@dataclass(frozen=True, slots=True)
class Sending:
    """What all requests for one call are made from."""

    method: str
    operation: Operation
    query: str
    inbound: Inbound
    body: RequestBody
    call_id: str
    now: datetime
    """In UTC."""
    drop_unsupported: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be sent where."""

    url: str
    headers: RawHeaders
    payload: bytes | None
    """None: the body goes as it comes, with `edits` made in its head."""
    edits: tuple[rewrite.Edit, ...] = ()
    hide_usage: bool = False
    """The usage chunk was asked for by the gateway and is not for the caller."""
    exchange: Exchange | None = None
    """The translation, if the dialects differ."""
    flavor: str = ""
    """In which shape the provider tells usage."""


def translation(operation: Operation, method: str, stop: Stop) -> Translation | None:
    """What translates between the caller's dialect and the provider's; None if they speak the same.

    Raises:
        GatewayError: 400, there is no translation for this operation.
    """
    if operation.passthrough:
        return None
    provider = stop.target.provider
    caller = _CALLERS.get(operation.name) if method == "POST" else None
    if caller is None:
        if provider.dialect == BEDROCK.dialect or (
            operation.provider and provider.dialect != "anthropic.messages"
        ):
            raise invalid_request(
                f"{provider.id} has no {operation.name[:64]} in this dialect.", param="model"
            )
        return None
    spoken: ProviderDialect = provider.dialect
    if caller == "openai.responses" and provider.responses:
        return None
    return TRANSLATIONS.get((caller, spoken))


def needs_whole_body(operation: Operation, method: str, stop: Stop) -> bool:
    """Whether the body must be held to make the request: it is translated, overridden or signed."""
    if stop.body_override or stop.target.provider.id == BEDROCK.id:
        return True
    return translation(operation, method, stop) is not None


def prepare(sending: Sending, stop: Stop, place: Target) -> Prepared:
    """Make the request for one deployment. The body is not changed.

    Raises:
        GatewayError: 400, it can't be translated, or laid over; the field is named.
    """
    if not place.addressed:
        raise GatewayError(
            503,
            "no_healthy_provider",
            f"{place.id} has no address: set providers.{place.id}.base_url or store a credential with one.",
        )
    chosen = translation(sending.operation, sending.method, stop)
    made = _same(sending, stop, place) if chosen is None else _translated(sending, stop, place, chosen)
    return _signed(sending, place, made) if _is_signed(place, made) else made


def _model_at(place: Target, stop: Stop) -> str:
    return place.model_map.get(stop.model, stop.model)


def _same(sending: Sending, stop: Stop, place: Target) -> Prepared:
    operation, body = sending.operation, sending.body
    model = _model_at(place, stop)
    hide_usage = _wants_usage(sending, place)
    edits = rewrite.ask_usage(body.scanner()) if hide_usage else []
    if body.fields.model and model != body.fields.model:
        edits += rewrite.set_model(body.scanner(), model)
    payload: bytes | None = None
    changed = bool(edits)
    if stop.body_override:
        edited = rewrite.apply(_plain(body), edits)
        payload = orjson.dumps(apply_override(_object(edited), stop.body_override))
        edits, changed = [], True
    elif body.complete and (body.held or len(body.head) <= WHOLE_BODY_BYTES):
        payload = _edited(body, edits)
        edits = []
    native = _is_native(operation)
    sent = _forwarded(sending, stop, drop_coding=changed and body.decoded is not None)
    sent += _credentials(sending, stop, place, native=native, translated=False)
    accept = sending.inbound.accept_encoding
    accept = "identity" if hide_usage else accept and readable_only(accept)
    if accept:
        sent.append((b"Accept-Encoding", accept.encode()))
    url = _url(sending, place, model)
    return Prepared(url, sent, payload, tuple(edits), hide_usage, None, operation.flavor)


def _translated(sending: Sending, stop: Stop, place: Target, chosen: Translation) -> Prepared:
    body = _object(_plain(sending.body))
    if stop.body_override:
        body = apply_override(body, stop.body_override)
    provider = place.provider
    target = DialectTarget(_model_at(place, stop), provider.id, provider.stream_usage)
    try:
        exchange = chosen.begin(
            body,
            target,
            call_id=sending.call_id,
            now_s=int(sending.now.timestamp()),
            drop_unsupported=sending.drop_unsupported,
        )
    except TranslationError as error:
        raise invalid_request(f"{error.field}: {error.message}", param=error.field) from error
    request = exchange.request
    native = provider.dialect != "openai.chat"
    base = place.native_url + request.path if native else place.openai_url(request.path, target.model)
    sent = [
        (name, value)
        for name, value in _forwarded(sending, stop, drop_coding=True)
        if name.lower() not in _OF_BODY and not name.lower().startswith(_OF_DIALECT)
    ]
    sent += [(name.encode(), value.encode()) for name, value in request.headers.items()]
    sent += _credentials(sending, stop, place, native=native, translated=True)
    sent.append((b"Accept-Encoding", b"identity"))
    return Prepared(base, sent, request.body, exchange=exchange, flavor=provider.dialect)


def _edited(body: RequestBody, edits: list[rewrite.Edit]) -> bytes:
    """The whole body as it came, or with edits made; those cost it its content coding, if it had one."""
    return bytes(rewrite.apply(_plain(body) if edits else body.head, edits))


def _plain(body: RequestBody) -> bytes | bytearray:
    return body.head if body.decoded is None else body.decoded


def _object(body: bytes | bytearray) -> dict[str, Any]:
    value = fields.parse_object(bytes(body))
    if value is None:
        raise invalid_request("The body is not a JSON object.")
    return value


def _wants_usage(sending: Sending, place: Target) -> bool:
    """Whether the stream would tell no usage if the gateway did not ask for it."""
    body = sending.body
    return (
        body.fields.stream
        and not body.fields.asks_usage
        and place.provider.stream_usage
        and sending.operation.name in INCLUDE_USAGE_OPERATIONS
        and body.scanner().object_start >= 0
    )


def _url(sending: Sending, place: Target, model: str) -> str:
    operation = sending.operation
    if operation.passthrough:
        base = place.passthrough_url(operation.path)
    elif operation.provider:
        base = place.native_url + operation.path
    else:
        base = place.openai_url(operation.path, model or operation.model)
    if not sending.query:
        return base
    return f"{base}{'&' if '?' in base else '?'}{sending.query}"


def _is_native(operation: Operation) -> bool:
    """Whether the provider's own API is called, and not the one that is like OpenAI's."""
    if not operation.passthrough:
        return operation.dialect == "anthropic"
    return operation.dialect == "anthropic" or (
        "/openai/" not in operation.path and not is_openai_operation(operation.path)
    )


def _forwarded(sending: Sending, stop: Stop, *, drop_coding: bool) -> RawHeaders:
    """The caller's headers, with those of the stop in their place."""
    replaced = {name.encode("latin-1") for name, _ in stop.headers}
    if drop_coding:
        replaced.add(b"content-encoding")
    sent = [(name, value) for name, value in sending.inbound.forward if name.lower() not in replaced]
    return sent + [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in stop.headers
        if not headers.is_gateway(name.encode("latin-1")) and not _is_filler(name, value)
    ]


def _is_filler(name: str, value: str) -> bool:
    return headers.is_credential(name.encode("latin-1")) and headers.is_placeholder(value)


def _credentials(
    sending: Sending, stop: Stop, place: Target, *, native: bool, translated: bool
) -> RawHeaders:
    """The stop's own key, or else the caller's, or else the one configured for this deployment."""
    if any(headers.is_credential(n.encode("latin-1")) and not _is_filler(n, v) for n, v in stop.headers):
        return []
    own, query = sending.inbound.credentials, sending.query
    if stop.own_key and (own or query.startswith("key=") or "&key=" in query):
        if not translated or not own:
            return own
        return place.key_headers(native=native, own_key=headers.secret_of(text(own[0][1])))
    return place.key_headers(native=native)


def _is_signed(place: Target, made: Prepared) -> bool:
    if place.provider.id != BEDROCK.id or not place.secrets.get("access_key_id"):
        return False
    return not any(name.lower() == b"authorization" for name, _ in made.headers)


def _signed(sending: Sending, place: Target, made: Prepared) -> Prepared:
    parts = urlsplit(made.url)
    secrets = place.secrets
    content_type = next((text(v) for n, v in made.headers if n.lower() == b"content-type"), "")
    signed = (
        [("host", parts.netloc), ("content-type", content_type)] if content_type else [("host", parts.netloc)]
    )
    added = sign(
        Signable(sending.method, parts.path, parts.query, tuple(signed), made.payload or b""),
        AwsCredentials(
            secrets["access_key_id"], secrets.get("secret_access_key", ""), secrets.get("session_token")
        ),
        Scope(place.region or BEDROCK_REGION),
        sending.now,
    )
    extra = [(name.encode(), value.encode()) for name, value in added.items()]
    return Prepared(
        made.url, made.headers + extra, made.payload, made.edits, made.hide_usage, made.exchange, made.flavor
    )


def secrets(prepared: Prepared) -> set[str]:
    """The keys that a request carries in its headers."""
    return {headers.secret_of(text(v)) for name, v in prepared.headers if headers.is_credential(name)}
