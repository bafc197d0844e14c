from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.cache.entry import BadEntryError, Entry, kept_headers

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@given(
    st.builds(
        Entry,
        kind=st.sampled_from(["json", "sse", "raw"]),
        body=st.binary(max_size=100),
        created_ms=st.integers(0, 2**53),
        headers=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
        provider=TEXT,
        model=TEXT,
        usage=st.none() | st.dictionaries(TEXT, st.integers(0, 2**40), max_size=3),
        usage_flavor=TEXT,
        service_tier=TEXT,
        request_id=TEXT,
    )
)
def test_what_is_written_is_read(entry: Entry) -> None:
    assert Entry.decode(entry.encode()) == entry


@given(st.binary(max_size=200))
def test_rubbish_is_no_entry(data: bytes) -> None:
    with pytest.raises(BadEntryError):
        Entry.decode(data)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_is_an_entry_or_none_but_no_other_error(at: int, byte: int) -> None:
    data = bytearray(Entry("json", b"{}", 1, headers=(("a", "b"),)).encode())
    data[at % len(data)] = byte
    outcome: Any = None
    try:
        outcome = Entry.decode(bytes(data))
    except BadEntryError:
        outcome = "bad"
    assert outcome == "bad" or isinstance(outcome, Entry)


def test_only_headers_that_stay_true_are_kept() -> None:
    sent = [
        ("Content-Type", "application/json"),
        ("X-Request-Id", "r"),
        ("x-ratelimit-remaining", "1"),
        ("Set-Cookie", "c"),
    ]
    assert kept_headers(sent) == (("content-type", "application/json"),)
