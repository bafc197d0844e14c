"""`GET /v1/models`: the models that a caller's key can reach, in the shape of OpenAI's list."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.errors import GatewayError
from tallygate.edge.exchange import own_headers
from tallygate.edge.identity import Identity
from tallygate.edge.routing.operations import Operation
from tallygate.edge.routing.registry import REGISTRY
from tallygate.edge.routing.router import owner
from tallygate.edge.routing.world import View
from tallygate.edge.steps import Arrival

_OPERATION = "models"
_JSON = (b"Content-Type", b"application/json")
_GATEWAY = "tallygate"


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that a provider has."""

    provider: str
    """Its id in the registry."""
    model: str
    context_window: int | None = None
    prices: Mapping[str, str] = field(default_factory=dict)
    """Dollars, as decimal numbers, by what is counted."""


Offers = Callable[[], Sequence[Offer]]
"""What providers offer; may block, and is asked in a thread, once."""


class ModelList:
    """Answers for the gateway itself; such a call is none of a provider's, and not recorded."""

    def __init__(self, offers: Offers) -> None:
        self._load = offers
        self._offers: Sequence[Offer] | None = None

    @staticmethod
    def is_for(operation: Operation, method: str) -> bool:
        """Whether a call asks for it."""
        listed = operation.name == _OPERATION or operation.name.startswith(_OPERATION + "/")
        return listed and method in {"GET", "HEAD"} and not operation.passthrough

    async def answer(self, arrival: Arrival, view: View, operation: Operation, writer: AnswerWriter) -> None:
        """Answer with the list, or with one model of it.

        Raises:
            GatewayError: 404, there is no such model, or this key can't reach it.
            ClientGoneError: the caller left.
        """
        if self._offers is None:
            self._offers = await asyncio.to_thread(self._load)
        found = {each["id"]: each for each in _reachable(self._offers, view, arrival)}
        wanted = unquote(operation.name.removeprefix(_OPERATION).strip("/"))
        if not wanted:
            body: dict[str, Any] = {"object": "list", "data": list(found.values())}
        elif wanted in found:
            body = found[wanted]
        elif (bare := wanted.partition("/")[2]) in found and found[bare]["provider"] == wanted.partition("/")[
            0
        ]:
            body = found[bare]
        else:
            shown = wanted[:256]
            raise GatewayError(
                404, "model_not_found", f"Your key reaches no model {shown!r}; see /v1/models.", param="model"
            )
        await writer.whole(200, "", [_JSON, *own_headers(arrival.call)], orjson.dumps(body))


def _reachable(offers: Iterable[Offer], view: View, arrival: Arrival) -> Iterable[dict[str, Any]]:
    identity = arrival.identity
    usable = {id_ for id_ in view.router.targets if _usable(view, id_, arrival)}
    for offer in offers:
        if offer.provider in usable and _allowed(identity, offer.model, offer.provider):
            name = offer.model if owner(offer.model) == offer.provider else f"{offer.provider}/{offer.model}"
            yield _entry(name, offer.provider) | {
                "context_window": offer.context_window,
                "pricing": offer.prices,
            }
    for (project, name), models in view.snapshot.aliases.items():
        if project in {None, view.project} and all(_alias_allowed(identity, view, each) for each in models):
            yield _entry(name, _GATEWAY) | {"models": list(models)}


def _usable(view: View, provider: str, arrival: Arrival) -> bool:
    """Whether there is a key for it: a stored one, one of the settings, or the caller's own."""
    if any(place.api_key or place.secrets for place in view.places(provider)):
        return True
    if provider not in REGISTRY:
        return any(place.addressed for place in view.places(provider))
    native = REGISTRY[provider].native_key
    return provider in {"openai", "anthropic"} and any(
        name.lower() == (b"authorization" if native == "bearer" else native.encode())
        for name, _ in arrival.inbound.credentials
    )


def _allowed(identity: Identity, model: str, provider: str) -> bool:
    return identity.key is None or identity.key.allows(model, provider)


def _alias_allowed(identity: Identity, view: View, name: str) -> bool:
    provider, slash, model = name.partition("/")
    if slash and provider in view.router.targets:
        return _allowed(identity, model, provider)
    return _allowed(identity, name, owner(name))


def _entry(name: str, provider: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": provider, "provider": provider}
