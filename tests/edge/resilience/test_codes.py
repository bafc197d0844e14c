from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.resilience.codes import DEFAULT_FALLBACK_CODES, CodeSet, InvalidCodesError

CODES = st.integers(400, 599)


def test_codes_and_ranges() -> None:
    codes = CodeSet.parse(" 429, 500 - 503,504")
    assert [status for status in range(600) if status in codes] == [429, 500, 501, 502, 503, 504]


def test_by_default_429_and_every_5xx() -> None:
    assert [s for s in range(1000) if s in DEFAULT_FALLBACK_CODES] == [429, *range(500, 600)]


@pytest.mark.parametrize(
    "text",
    ["", ",", "429,", "abc", "42", "4290", "200", "399", "600", "503-500", "500-", "-500", "5xx", "٤٢٩"],
)
def test_malformed_text(text: str) -> None:
    with pytest.raises(InvalidCodesError):
        CodeSet.parse(text)


def test_json_form() -> None:
    codes = CodeSet.from_json([429, "500-501", {"from": 520, "to": 529}])
    assert [s for s in range(600) if s in codes] == [429, 500, 501, *range(520, 530)]


@pytest.mark.parametrize(
    "value",
    [None, [], {}, "429", 429, [True], [429.0], [200], [[429]], [{"from": 500}], [{"from": "500", "to": 599}],
     [{"from": 599, "to": 500}], [{"from": 500, "to": 599, "x": 1}], [None], [429] * 101],
)  # fmt: skip
def test_malformed_json(value: Any) -> None:
    with pytest.raises(InvalidCodesError):
        CodeSet.from_json(value)


@given(st.lists(st.tuples(CODES, CODES).map(lambda pair: (min(pair), max(pair))), min_size=1, max_size=8))
def test_both_forms_mean_the_same(ranges: list[tuple[int, int]]) -> None:
    parsed = CodeSet.parse(",".join(f"{low}-{high}" for low, high in ranges))
    assert parsed == CodeSet.from_json([{"from": low, "to": high} for low, high in ranges])
    assert all(
        (status in parsed) == any(low <= status <= high for low, high in ranges) for status in range(700)
    )
