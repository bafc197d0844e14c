"""`/rules`: budgets and alert rules. `/prices`: what projects pay instead of the price list's prices."""

from tallygate.control.accounting.price_specs import NewPrice, PricePatch
from tallygate.control.accounting.rule_specs import NewRule, RulePatch
from tallygate.control.api.resource import resource
from tallygate.control.store import prices, rules

ROUTES = (
    *resource(
        "/rules",
        "rule",
        rules,
        new=NewRule,
        create=rules.create,
        patch=RulePatch,
        id_of=lambda rule: rule.rule_id,
    ),
    *resource(
        "/prices",
        "price",
        prices,
        new=NewPrice,
        create=prices.create,
        patch=PricePatch,
        id_of=lambda price: price.price_id,
    ),
)
