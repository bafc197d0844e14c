"""What may be asked of price overrides."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from tallygate.control.specs import Expiry, ModelGlob, ProjectId, Spec
from tallygate.schemas.rules import Price, ServiceTier, TokenKind, TokenPrices

ProviderGlob = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9_*?\[\]!-]+$")]
SomePrices = Annotated[dict[TokenKind, Price], Field(min_length=1)]


class NewTier(Spec):
    """Prices of calls with more input tokens than this."""

    above_input_tokens: Annotated[int, Field(ge=1, lt=2**63)]
    prices: SomePrices


def _growing(value: tuple[NewTier, ...]) -> tuple[NewTier, ...]:
    bounds = [tier.above_input_tokens for tier in value]
    if len(set(bounds)) < len(bounds):
        raise ValueError("two tiers begin at the same number of input tokens")
    return tuple(sorted(value, key=lambda tier: tier.above_input_tokens))


Tiers = Annotated[tuple[NewTier, ...], Field(max_length=10), AfterValidator(_growing)]


class PriceFields(Spec):
    """What an override can be told; `schemas.rules.PriceOverride` says what each means."""

    name: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    provider: ProviderGlob = "*"
    valid_from: Expiry | None = None
    """None: since ever."""
    valid_to: Expiry | None = None
    prices: TokenPrices = {}
    tiers: Tiers = ()
    per_request: Price = Decimal(0)
    multipliers: dict[ServiceTier, Price] = {}


class NewPrice(PriceFields):
    """An override to make."""

    project: ProjectId
    model: ModelGlob


class PricePatch(PriceFields):
    """Changes of an override."""

    model: ModelGlob = "*"
