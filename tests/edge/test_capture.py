"""The kept start of a body."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.capture import Capture
from tallygate.schemas.call import Body


def captured(data: bytes, limit: int, *secrets: str) -> Body:
    capture = Capture(limit)
    for at in range(0, len(data), 3):
        capture.add(data[at : at + 3])
    return Body.model_validate(capture.body(secrets))


@given(st.text(), st.integers(min_value=0, max_value=50))
def test_text_stays_text_wherever_it_is_cut(text: str, limit: int) -> None:
    data = text.encode()
    body = captured(data, limit)
    assert body.encoding == "utf-8"
    assert text.startswith(body.text)
    assert len(data[:limit]) - len(body.text.encode()) < 4
    assert (body.size_bytes, body.truncated) == (len(data), len(data) > limit)


@given(st.binary(min_size=1))
def test_bytes_come_back(data: bytes) -> None:
    body = captured(data, 1000)
    decoded = base64.b64decode(body.text) if body.encoding == "base64" else body.text.encode()
    assert decoded == data


def test_what_could_not_be_decoded_is_marked() -> None:
    capture = Capture(100)
    capture.add(b"", wire_bytes=50)
    assert capture.body() == {"text": "", "encoding": "utf-8", "size_bytes": 50, "truncated": True}


@pytest.mark.parametrize("data", [b"echo sk-secret-key!", b"\xff echo sk-secret-key!"])
def test_secrets_are_taken_out(data: bytes) -> None:
    body = captured(data, 1000, "sk-secret-key")
    text = base64.b64decode(body.text) if body.encoding == "base64" else body.text.encode()
    assert text == data.replace(b"sk-secret-key", b"[redacted]")


@pytest.mark.parametrize("data", [b"echo sk-secret-key!", b"\xff echo sk-secret-key!"])
def test_no_start_of_a_secret_is_left_where_a_body_is_cut(data: bytes) -> None:
    start = data.index(b"sk-")
    for limit in range(start + 6, start + len(b"sk-secret-key")):
        body = captured(data, limit, "sk-secret-key")
        text = base64.b64decode(body.text) if body.encoding == "base64" else body.text.encode()
        assert text == data[:start] + b"[redacted]"
        assert body.truncated
