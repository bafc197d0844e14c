"""Filters as SQL: every field with every comparison is a valid query, and finds what it says."""

from typing import Any

from playwright.sync_api import Page

from tests.analytics.web.conftest import Site

COUNT = """async (conditions) => {
  const { where } = await import("/assets/data/conditions.js");
  const { rows } = await import("/assets/data/sql.js");
  const { sql, values } = where(conditions);
  return (await rows(`SELECT count() AS calls FROM calls WHERE ${sql}`, values))[0].calls;
}"""
EVERY = """async () => {
  const { FIELDS, OPS } = await import("/assets/lib/filters.js");
  return [...FIELDS.map(([id]) => id), "property:Feature"].flatMap((field) =>
    OPS.map(([op]) => ({ field, op, value: "3" })));
}"""


def count(page: Page, *conditions: tuple[str, str, str]) -> Any:
    asked = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
    return page.evaluate(COUNT, asked)


def test_every_field_with_every_comparison_is_a_query(page: Page) -> None:
    page.goto("/settings")
    conditions = page.evaluate(EVERY)
    assert len(conditions) > 200
    for begin in range(0, len(conditions), 20):
        assert page.evaluate(COUNT, conditions[begin : begin + 20]) >= 0


def test_filters_find_what_they_say(site: Site, page: Page) -> None:
    page.goto("/settings")

    def by_hand(condition: str) -> int:
        return int(site.gateway.sql(f"SELECT count() FROM calls WHERE {condition}")[0][0])

    assert count(page) == by_hand("1")
    assert count(page, ("status", "eq", "4xx")) == by_hand("status BETWEEN 400 AND 499") > 0
    assert count(page, ("status", "ne", "429")) == by_hand("status != 429")
    assert count(page, ("cost_usd", "gt", "0.00001")) == by_hand("cost_nanos > 10000") > 0
    assert count(page, ("user_id", "in", "linus, grace")) == by_hand("user_id IN ('linus', 'grace')") > 0
    assert count(page, ("user_id", "exists", "false")) == by_hand("user_id = ''")
    assert count(page, ("session_id", "exists", "")) == by_hand("session_id != ''") > 0
    assert (
        count(page, ("property:FEATURE", "exists", "")) == by_hand("mapContains(properties, 'feature')") > 0
    )
    assert count(page, ("model", "regex", "^claude-.*5$")) == by_hand("startsWith(model, 'claude')") > 0
    both = (("user_id", "eq", "linus"), ("cache", "eq", "hit"))
    assert count(page, *both) == 1


def test_a_value_is_never_part_of_the_query(page: Page) -> None:
    page.goto("/settings")
    quote = "x') OR 1 = 1 --"
    for op in ("eq", "contains", "in"):
        assert count(page, ("user_id", op, quote)) == 0
        assert count(page, (f"property:{quote}", op, quote)) == 0
    assert count(page, ("project = 'x' OR 1", "eq", "1")) == count(page)
