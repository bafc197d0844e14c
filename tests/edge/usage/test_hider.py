"""The usage chunk goes, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.usage.hider import UsageHider

BEFORE = (
    b'data: {"choices":[],"prompt_filter_results":[]}\n\n'
    b'data: {"choices":[{"delta":{"content":"\\"usage\\": {"}}],"usage":null}\n\n'
    b": keep-alive\r\n\r\n"
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n'
    b'data: not json "usage"\n\n'
)
USAGE = b'data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
AFTER = b"data: [DONE]\n\n"
STREAM = BEFORE + USAGE + AFTER


def filtered(parts: list[bytes]) -> bytes:
    hider = UsageHider()
    return b"".join([*(hider.feed(part) for part in parts), hider.close()])


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_cut_at_every_byte(cut: int) -> None:
    assert filtered([STREAM[:cut], STREAM[cut:]]) == BEFORE + AFTER


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
def test_cut_into_pieces(size: int) -> None:
    assert filtered([STREAM[at : at + size] for at in range(0, len(STREAM), size)]) == BEFORE + AFTER


def test_with_carriage_returns() -> None:
    stream = STREAM.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    wanted = (BEFORE + AFTER).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert filtered([bytes([byte]) for byte in stream]) == wanted


def test_a_usage_chunk_without_its_end_is_hidden_too() -> None:
    assert filtered([BEFORE + USAGE[:-2]]) == BEFORE


def test_whole_events_are_never_held_back() -> None:
    hider = UsageHider()
    assert hider.feed(b'data: {"choices":[{}]}\n\n') == b'data: {"choices":[{}]}\n\n'


def test_an_overlong_event_is_not_waited_for() -> None:
    hider = UsageHider()
    assert len(hider.feed(b"data: " + b"x" * 200_000)) > 190_000


@given(st.lists(st.binary(max_size=30)))
def test_what_is_no_usage_chunk_stays(parts: list[bytes]) -> None:
    assert filtered(parts) == b"".join(parts)
