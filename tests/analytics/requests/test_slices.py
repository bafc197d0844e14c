"""The newest calls, looked for in slices of time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.listing import list_calls
from tallygate.analytics.requests.search import read_page
from tallygate.analytics.requests.slices import FIRST_US, slices
from tallygate.analytics.requests.statement import Statement
from tallygate.schemas.times import parse_time_us, text_of
from tests.support.api import running_api, stored
from tests.support.factories import NOV_2026_US, call

PATH = "/api/v1/requests"
DAY_US = 86_400_000_000
AGES_US = [
    *(-DAY_US, 0, 1, FIRST_US - 1, FIRST_US, FIRST_US + 1, 7 * FIRST_US, 7 * FIRST_US + 1, 43 * FIRST_US),
    *(DAY_US, 2 * DAY_US, 10 * DAY_US, 11 * DAY_US, 60 * DAY_US, 400 * DAY_US, 3000 * DAY_US),
]
"""At the ends of slices and between; one call is of tomorrow."""


def met(time_us: int, slice_: list[Clause]) -> bool:
    """Whether a call of that time is in a slice."""
    return all(
        (time_us >= bound) if ">=" in clause.sql else (time_us < bound)
        for clause in slice_
        for bound in (parse_time_us(next(iter(clause.values.values()))),)
    )


@pytest.mark.parametrize("since_us", [0, NOV_2026_US - 3 * DAY_US, NOV_2026_US - FIRST_US, NOV_2026_US])
def test_each_call_is_in_one_slice_and_the_newest_come_first(since_us: int) -> None:
    parts = list(slices(NOV_2026_US, since_us))
    times = sorted((NOV_2026_US - age for age in AGES_US), reverse=True)
    places = [[index for index, part in enumerate(parts) if met(time, part)] for time in times]
    assert all(len(each) == 1 for each in places)
    assert places == sorted(places)
    assert len(parts) <= 6


@pytest.mark.parametrize("newest_us", [0, FIRST_US, 5])
def test_the_beginning_of_time_is_one_slice(newest_us: int) -> None:
    assert list(slices(newest_us, 0)) == [[]]


@pytest.mark.parametrize("limit", [1, 3, 16, 20])
@pytest.mark.parametrize("bounds", [(), (("from", NOV_2026_US - 60 * DAY_US), ("to", NOV_2026_US - 1))])
async def test_pages_are_the_whole_list(limit: int, bounds: tuple[tuple[str, int], ...]) -> None:
    times = [NOV_2026_US - age for age in AGES_US]
    target = stored([call(received_at_us=time, user_id=str(time)) for time in times])
    given = dict(bounds)
    wanted = [time for time in times if given.get("from", 0) <= time < given.get("to", time + 1)]
    pairs = [("limit", str(limit)), *((name, text_of(time)) for name, time in bounds)]
    found: list[str] = []
    cursor: str | None = None
    async with running_api(target) as api:
        while True:
            page = await api.get(PATH, *pairs, *([("cursor", cursor)] if cursor else []))
            found += [one["user_id"] for one in page["requests"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    assert found == [str(time) for time in sorted(wanted, reverse=True)]


def test_a_full_page_ends_the_search() -> None:
    asked: list[Statement] = []
    at = datetime.fromtimestamp(NOV_2026_US / 1_000_000, UTC)

    def rows(statement: Statement) -> list[tuple[Any, ...]]:
        asked.append(statement)
        return [(0, at, f"id{n}", "edge", n) for n in range(3)] if len(asked) == 2 else []

    page = read_page(rows, list_calls([("limit", "2")], "default", NOV_2026_US))
    assert page.next_cursor is not None
    # Two slices, and the rows themselves.
    assert len(asked) == 3
    assert "slice_to" not in asked[0].values
    assert asked[0].values["slice_from"] == asked[1].values["slice_to"]
