import math

from hypothesis import given
from hypothesis import strategies as st

from tallygate.stream_processors.usage.sketch import bucket_of, merged, quantile, value_of

DURATIONS = st.integers(0, 2**62)


@given(DURATIONS)
def test_a_bucket_stands_for_what_is_in_it_within_one_percent(us: int) -> None:
    assert abs(value_of(bucket_of(us)) - us) <= 0.01 * us + 1
    assert -1 <= bucket_of(us) <= 4096


@given(st.lists(DURATIONS, min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_are_within_one_percent(durations: list[int], q: float) -> None:
    sketch = merged({bucket_of(us): 1} for us in durations)
    found = quantile(sketch, q)
    true = sorted(durations)[math.floor(q * (len(durations) - 1))]
    assert found is not None
    assert abs(found - true) <= 0.01 * true + 1


@given(st.lists(st.dictionaries(st.integers(-1, 50), st.integers(1, 9)), max_size=5))
def test_merging_in_any_order_is_adding(sketches: list[dict[int, int]]) -> None:
    assert merged(sketches) == merged(reversed(sketches))
    assert sum(merged(sketches).values()) == sum(sum(each.values()) for each in sketches)


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile({}, 0.5) is None
