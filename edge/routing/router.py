"""From a model's name to the provider that serves it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tallygate.edge.routing import catalogue
from tallygate.edge.routing.registry import REGISTRY
from tallygate.edge.routing.target import Target

MAX_MODEL_CHARS = 256
_PATTERNS = tuple(
    (re.compile(provider.models, re.IGNORECASE), provider.id)
    for provider in REGISTRY.values()
    if provider.models
)


class UnknownModelError(LookupError):
    """No provider serves a model of this name."""

    def __init__(self, model: str, nearest: tuple[str, ...]) -> None:
        hint = f" Near names: {', '.join(nearest)}." if nearest else ""
        super().__init__(
            f"No provider is known for the model {model!r}.{hint} "
            "Write provider/name to say which provider serves it."
        )


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes, and the model's name there."""

    target: Target
    model: str


class Router:
    """Routes models to configured providers."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self.targets = targets

    def by_id(self, provider: str, model: str = "") -> Route:
        """The route to a provider; `provider/name` loses the provider's own prefix."""
        prefix, slash, name = model.partition("/")
        return Route(self.targets[provider], name if slash and name and prefix == provider else model)

    def by_model(self, model: str) -> Route:
        """The route for a model's name, or for `provider/name`.

        Raises:
            UnknownModelError: with the nearest names.
        """
        prefix, slash, name = model.partition("/")
        if slash and name and prefix in self.targets:
            target = self.targets[prefix]
            keeps = target.provider.prefixed_models
            return Route(target, model if keeps and re.fullmatch(keeps, model) else name)
        provider = _provider_of(model) if len(model) <= MAX_MODEL_CHARS else ""
        if provider:
            return Route(self.targets[provider], model)
        shown = model[:MAX_MODEL_CHARS]
        raise UnknownModelError(shown, catalogue.nearest(shown))


def owner(model: str) -> str:
    """The provider whose own a model is by its name's pattern; empty if no pattern knows it."""
    return next((provider for pattern, provider in _PATTERNS if pattern.match(model)), "")


@lru_cache(maxsize=4096)
def _provider_of(model: str) -> str:
    """The registry's provider for a name; empty if there is none."""
    return owner(model) or next(iter(catalogue.serving(model)), "")
