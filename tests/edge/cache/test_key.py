import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.cache.directives import Directives
from tallygate.edge.cache.key import cache_key, is_cacheable

PLAIN = Directives(read=True, save=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | FLOATS | st.text("aé\"\n", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abé"), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(["messages", "temperature", "tools", "n"]), JSON, max_size=4)


def key(
    body: Any,
    directives: Directives = PLAIN,
    project: str = "p",
    endpoint: str = "chat/completions",
    model: str = "m",
) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = cache_key(project, endpoint, model, data, directives)
    assert found is not None
    assert len(found) == 32
    return found


@given(BODIES, st.randoms(use_true_random=False))
def test_order_and_white_space_do_not_matter(body: dict[str, Any], rng: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            rng.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(inner) for inner in value] if isinstance(value, list) else value

    numbers = [each for each in _numbers(body) if abs(each) >= 2**53]
    again = json.dumps(
        shuffled(body), indent=rng.choice([None, 2]), ensure_ascii=rng.choice([True, False])
    ).encode()
    # Beyond what a float holds, a body is compared byte by byte: a miss too many, never a wrong hit.
    if not numbers:
        assert key(body) == key(again)


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for inner in value.values() for number in _numbers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in _numbers(inner)]
    return [value] if isinstance(value, (int, float)) else []


@given(BODIES, BODIES)
def test_other_bodies_have_other_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    if one != other or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True):
        assert (key(one) == key(other)) == (one == other and _same_types(one, other))


def _same_types(one: Any, other: Any) -> bool:
    """Python takes True for 1; JSON does not."""
    if isinstance(one, dict):
        return all(_same_types(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return all(map(_same_types, one, other))
    return isinstance(one, bool) == isinstance(other, bool)


def test_how_a_number_is_written_does_not_matter() -> None:
    assert key(b'{"t": 1}') == key(b'{"t": 1.0}') == key(b'{"t":1e0}')
    assert key(b'{"t": 0}') == key(b'{"t": -0.0}')
    assert key(b'{"t": 1}') != key(b'{"t": 1.5}')
    assert key(b'{"t": true}') != key(b'{"t": 1}')


def test_numbers_that_a_float_cannot_hold_are_not_taken_for_each_other() -> None:
    assert key(b'{"seed": 123456789012345678901}') != key(b'{"seed": 123456789012345678902}')
    assert key(b'{"seed": 9007199254740993.0}') != key(b'{"seed": 9007199254740992.0}')


def test_what_changes_only_the_form_does_not_count() -> None:
    base = key({"messages": [1]})
    assert base == key(
        {
            "messages": [1],
            "stream": True,
            "stream_options": {"include_usage": True},
            "user": "u",
            "model": "x",
        }
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"temperature": 0}, {"temperature": 0.5}),
        ({"messages": ["a"]}, {"messages": ["b"]}),
        ({"n": 1}, {}),
        ({"a": None}, {}),
        ({"metadata": {"user": "a"}}, {"metadata": {"user": "b"}}),
    ],
)
def test_every_other_field_counts(one: Any, other: Any) -> None:
    assert key(one) != key(other)


def test_project_endpoint_model_and_seed_are_parts_of_it() -> None:
    keys = {
        key({}), key({}, project="q"), key({}, endpoint="completions"), key({}, model="n"),
        key({}, Directives(seed="s")), key({}, project="pc", endpoint="hat/completions"),
    }  # fmt: skip
    assert len(keys) == 6


def test_ignored_fields_do_not_count() -> None:
    ignoring = Directives(ignore_keys=frozenset({"trace"}))
    assert key({"a": 1, "trace": 1}, ignoring) == key({"a": 1, "trace": 2}, ignoring) == key({"a": 1})


def test_deep_nesting_is_compared_byte_by_byte() -> None:
    deep = b'{"a":' * 500 + b"1" + b"}" * 500
    assert key(deep) == key(deep)
    assert key(deep) != key(deep.replace(b"1", b"2"))


@given(st.binary(max_size=30))
def test_what_is_no_object_has_no_key(body: bytes) -> None:
    found = cache_key("p", "chat/completions", "m", body, PLAIN)
    try:
        is_object = isinstance(json.loads(body), dict)
    except ValueError:
        is_object = False
    assert is_object or found is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"1", b'"a"', b"{", b'{"a": "\\ud800"}', b'{"a": NaN}', b"\xff", b"[" * 5000]
)
def test_not_cacheable(body: bytes) -> None:
    assert cache_key("p", "chat/completions", "m", body, PLAIN) is None


def test_only_answers_are_cacheable() -> None:
    assert is_cacheable("POST", "chat/completions")
    assert not is_cacheable("GET", "chat/completions")
    assert not any(
        is_cacheable("POST", each) for each in ("files", "batches", "threads", "responses/r_1/cancel", "")
    )
