from typing import get_args

import pytest
from pydantic import ValidationError

from tallygate.schemas.rules import (
    QUANTILE_METRICS,
    RATIO_METRICS,
    SUM_METRICS,
    CalendarWindow,
    Metric,
    Rule,
    RuleBook,
    SlidingWindow,
    by_project,
)


def make_rule(rule_id: str = "rule_1", project: str = "default", **fields: object) -> Rule:
    values = {"rule_id": rule_id, "project": project, "name": "n", "metric": "cost", "created_at_us": 1}
    return Rule.model_validate(values | fields)


def test_every_metric_is_of_one_kind() -> None:
    kinds = [SUM_METRICS, RATIO_METRICS, QUANTILE_METRICS]
    names = [name for literal in get_args(Metric) for name in get_args(literal)]
    assert len(names) == len(set(names)) == sum(map(len, kinds)) == 18
    assert frozenset(names) == frozenset().union(*kinds)
    assert [make_rule(metric=name).is_sum for name in names] == [name in SUM_METRICS for name in names]


def test_windows_are_told_apart_by_their_kind() -> None:
    assert make_rule().window == CalendarWindow(period="day")
    assert make_rule(window={"kind": "calendar", "period": "week"}).window == CalendarWindow(period="week")
    assert make_rule(window={"kind": "sliding", "seconds": 60}).window == SlidingWindow(seconds=60)


@pytest.mark.parametrize(
    "window",
    [{"kind": "sliding", "seconds": 59}, {"kind": "sliding"}, {"kind": "tumbling"}, {"period": "day"}],
)
def test_a_window_that_is_none_is_refused(window: object) -> None:
    with pytest.raises(ValidationError, match="window"):
        make_rule(window=window)


def test_a_book_holds_each_projects_own_in_their_order() -> None:
    rules = [make_rule("rule_1", "a"), make_rule("rule_2", "b"), make_rule("rule_3", "a")]
    book = RuleBook(rules=by_project(rules), time_zones={"a": "Asia/Tokyo"})
    assert [rule.rule_id for rule in book.rules["a"]] == ["rule_1", "rule_3"]
    assert (book.time_zone("a"), book.time_zone("b")) == ("Asia/Tokyo", "UTC")
