"""What projects pay instead of the price list's prices."""

from sqlalchemy.orm import Session

from tallygate.control.accounting.price_specs import NewPrice, PricePatch
from tallygate.control.accounting.prices import changed, new_price
from tallygate.control.instants import micros
from tallygate.control.secrets import new_id
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, live_project, of_project
from tallygate.control.store.tables import PriceOverrideRow
from tallygate.schemas.rules import PriceOverride

_APART = {"record", "schema_version", "price_id", "project", "created_at_us"}
_WHAT = "price override"


def create(change: Change, new: NewPrice) -> PriceOverride:
    """Make an override.

    Raises:
        NotFoundError: the project isn't there.
        InvalidError: it makes no sense.
    """
    live_project(change.session, new.project)
    override = new_price(new, new_id("price"), change.now)
    row = PriceOverrideRow(id=override.price_id, project=override.project, created_at=change.now)
    row.definition = override.model_dump(mode="json", exclude=_APART)
    change.session.add(row)
    change.session.flush()
    detail = new.model_dump(mode="json", exclude_unset=True, exclude={"project"})
    change.audit("price.create", override.price_id, override.project, detail)
    return override


def patch(change: Change, price_id: str, changes: PricePatch) -> PriceOverride:
    """Change an override. Calls that were priced already keep their costs.

    Raises:
        NotFoundError, InvalidError: nothing was changed.
    """
    row = get(change.session, PriceOverrideRow, price_id, _WHAT)
    override = changed(to_price(row), changes)
    row.definition = override.model_dump(mode="json", exclude=_APART)
    change.audit("price.update", price_id, row.project, changes.model_dump(mode="json", exclude_unset=True))
    return override


def remove(change: Change, price_id: str) -> None:
    """Delete an override. Calls that were priced already keep their costs.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(change.session, PriceOverrideRow, price_id, _WHAT)
    change.session.delete(row)
    change.audit("price.remove", price_id, row.project, row.definition)


def show(session: Session, price_id: str) -> PriceOverride:
    """One override.

    Raises:
        NotFoundError: there is none of that id.
    """
    return to_price(get(session, PriceOverrideRow, price_id, _WHAT))


def listed(
    session: Session, *, project: str | None = None, before: str | None = None, limit: int
) -> list[PriceOverride]:
    """Overrides, newest first."""
    rows = of_project(session, PriceOverrideRow, project, before=before, limit=limit)
    return [to_price(row) for row in rows]


def to_price(row: PriceOverrideRow) -> PriceOverride:
    """The record of a row."""
    apart = {"price_id": row.id, "project": row.project, "created_at_us": micros(row.created_at)}
    return PriceOverride.model_validate(row.definition | apart)
