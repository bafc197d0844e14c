"""Top-level fields are found wherever the bytes are cut."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.request.jsonscan import TopLevelScanner

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(
    st.sampled_from(["model", "stream", 'a"b', "", "é\\", "x"]) | st.text(max_size=3), values
)


def scan(data: bytes, size: int) -> TopLevelScanner:
    scanner = TopLevelScanner()
    for at in range(0, len(data), size):
        scanner.feed(data[at : at + size])
    return scanner


@given(objects, st.integers(1, 9), st.sampled_from([None, 2]), st.booleans())
def test_finds_every_field(body: dict[str, Any], size: int, indent: int | None, escaped: bool) -> None:
    data = json.dumps(body, indent=indent, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    scanner = scan(data, size)
    assert {key: scanner.value(key) for key in scanner.spans} == body
    assert bytes(scanner.buffer) == data


@given(st.binary(max_size=100), st.integers(1, 9))
def test_garbage_never_raises(data: bytes, size: int) -> None:
    scan(data, size)
    scan(b'{"model":' + data, size)


def test_known_as_soon_as_it_is_there() -> None:
    scanner = TopLevelScanner()
    scanner.feed(b'{"messages": [{"model": "inner"}], "model": "gpt')
    assert "model" not in scanner.spans
    scanner.feed(b'-4o", "rest')
    assert scanner.value("model") == "gpt-4o"


@pytest.mark.parametrize("data", [b"[1, 2]", b'"text"', b"", b"  ", b"12"])
def test_what_is_no_object(data: bytes) -> None:
    scanner = scan(data, 3)
    assert scanner.object_start == -1
    assert not scanner.spans


def test_a_huge_string_is_scanned_once() -> None:
    data = b'{"image":"' + b"A" * 8_000_000 + b'","model":"m"}'
    assert scan(data, 65536).value("model") == "m"
