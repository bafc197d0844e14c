"""The catalogue of models that comes with genai-prices: who serves a name that no pattern knows.

It takes 30 MB and a third of a second to load, so it is loaded when a name is asked for the first time.
"""

import difflib
import heapq
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tallygate.edge.routing.registry import REGISTRY

if TYPE_CHECKING:
    from genai_prices.types import Provider as CataloguedProvider

_NEAREST = 3
_ENOUGH = 0.6
_COMPARED = 40


@dataclass(frozen=True, slots=True)
class _Name:
    text: str
    pairs: frozenset[str]


@lru_cache(maxsize=1)
def _providers() -> dict[str, "CataloguedProvider"]:
    """The catalogue's part for each provider of the registry, in the registry's order."""
    from genai_prices.data_snapshot import get_snapshot

    catalogued = {provider.id: provider for provider in get_snapshot().providers}
    wanted = {provider.id: provider.catalogue_id or provider.id for provider in REGISTRY.values()}
    return {id_: catalogued[name] for id_, name in wanted.items() if name in catalogued}


@lru_cache(maxsize=4096)
def serving(model: str) -> tuple[str, ...]:
    """Providers that serve a model by their own list, those first that make models."""
    name = model.lower()
    return tuple(
        id_
        for id_, provider in _providers().items()
        if any(known.is_match(name) for known in provider.models)
    )


@lru_cache(maxsize=1024)
def nearest(model: str) -> tuple[str, ...]:
    """Up to three names of the catalogue that look most like a name, if any do."""
    pairs = _pairs(model)
    # An edit distance over 2 000 names would stop the loop for a tenth of a second.
    likely = heapq.nlargest(_COMPARED, _names(), key=lambda name: _likeness(pairs, name.pairs))
    return tuple(difflib.get_close_matches(model.lower(), [name.text for name in likely], _NEAREST, _ENOUGH))


@lru_cache(maxsize=1)
def _names() -> tuple[_Name, ...]:
    names = {known.id for provider in _providers().values() for known in provider.models}
    return tuple(_Name(name, _pairs(name)) for name in sorted(names))


def _pairs(name: str) -> frozenset[str]:
    padded = f"^{name.lower()}$"
    return frozenset(padded[i : i + 2] for i in range(len(padded) - 1))


def _likeness(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard's index of the pairs of letters."""
    common = len(a & b)
    return common / (len(a) + len(b) - common)
