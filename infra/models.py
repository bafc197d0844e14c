"""What providers offer, with context windows and prices, for the gateway's list of models."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from tallygate.edge.models import Offer
from tallygate.edge.routing.registry import REGISTRY


def offers() -> tuple[Offer, ...]:
    """All models of the price list, at today's prices. Blocks: the list takes a third of a second to load."""
    from genai_prices.data_snapshot import get_snapshot

    ours = {provider.catalogue_id or provider.id: provider.id for provider in REGISTRY.values()}
    now = datetime.now(UTC)
    return tuple(
        Offer(ours[provider.id], model.id, model.context_window, dict(_prices(model.get_prices(now))))
        for provider in get_snapshot().providers
        if provider.id in ours
        for model in provider.models
        if not model.deprecated
    )


def _prices(prices: object) -> Iterator[tuple[str, str]]:
    """Those that are one number; tiers show what the first tokens cost."""
    for name, price in vars(prices).items():
        base = getattr(price, "base", price)
        if isinstance(base, Decimal):
            yield name, format(base, "f")
