"""Making price overrides of what was asked for, and changing them."""

from datetime import datetime
from typing import Any

from tallygate.control.accounting.price_specs import NewPrice, PriceFields, PricePatch
from tallygate.control.errors import InvalidError
from tallygate.control.instants import micros
from tallygate.schemas.rules import PriceOverride, PriceTier


def new_price(new: NewPrice, price_id: str, now: datetime) -> PriceOverride:
    """The override that was asked for.

    Raises:
        InvalidError: it makes no sense.
    """
    override = PriceOverride(price_id=price_id, created_at_us=micros(now), **_values(new))
    _check(override)
    return override


def changed(override: PriceOverride, patch: PricePatch) -> PriceOverride:
    """The override after a change.

    Raises:
        InvalidError: it would make no sense.
    """
    after = override.model_copy(update=_values(patch))
    _check(after)
    return after


def _values(spec: PriceFields) -> dict[str, Any]:
    values = {name: getattr(spec, name) for name in spec.model_fields_set}
    if "valid_from" in values:
        values["valid_from_us"] = _micros(values.pop("valid_from")) or 0
    if "valid_to" in values:
        values["valid_to_us"] = _micros(values.pop("valid_to"))
    if "tiers" in values:
        values["tiers"] = tuple(PriceTier.model_validate(tier.model_dump()) for tier in values["tiers"])
    return values


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def _check(override: PriceOverride) -> None:
    if not (override.prices or override.per_request or override.multipliers):
        raise InvalidError("give prices, per_request or multipliers: this changes no price", "prices")
    if override.tiers and not override.prices:
        raise InvalidError("of long calls need prices of the others", "tiers")
    if override.prices and not {"input", "output"} & override.prices.keys():
        raise InvalidError(
            "need one for input or output, which kinds without a price of their own cost", "prices"
        )
    if override.valid_to_us is not None and override.valid_to_us <= override.valid_from_us:
        raise InvalidError("must be later than valid_from", "valid_to")
