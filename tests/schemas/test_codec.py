import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.schemas.codec import BadRecordError, decode, encode, encode_lines, split_lines
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import Call
from tests.support import factories


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=4))
def test_events_come_back_as_they_were(text: str, properties: dict[str, str]) -> None:
    event = factories.response_event(user_id=text, properties=properties, error_message=text)
    line = encode(event)
    assert b"\n" not in line
    assert decode(ResponseEvent, line) == event


def test_a_message_holds_several_records() -> None:
    calls = [factories.call(prompt=f"line {i}\nand another\r\n") for i in range(3)]
    lines = split_lines(encode_lines(calls))
    assert [decode(Call, line) for line in lines] == calls
    assert split_lines(encode_lines([])) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "ResponseEvent: record"),
        (b"{", "ResponseEvent: record"),
        (b"[]", "ResponseEvent: record"),
        (b"\xff\xfe", "ResponseEvent: record"),
        (b"{}", "ResponseEvent: request_id: Field required"),
        (b'{"a":' * 5000, "ResponseEvent: record"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(line: bytes, reason: str) -> None:
    with pytest.raises(BadRecordError, match=reason):
        decode(ResponseEvent, line)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", 1000),
        ("latency_us", -1),
        ("outcome", "fine"),
        ("received_at_us", "soon"),
        ("origin", {"edge_id": "", "seq": 1}),
        ("origin", {"edge_id": "e", "seq": -1}),
        ("origin", {"edge_id": "e", "seq": 2**63}),
        ("properties", {"a": 1}),
        ("schema_version", 2),
        ("event", "llm.request"),
    ],
)
def test_wrong_fields_are_refused_by_name(field: str, value: object) -> None:
    raw = json.loads(encode(factories.response_event()))
    raw[field] = value
    with pytest.raises(BadRecordError, match=field):
        decode(ResponseEvent, json.dumps(raw).encode())


def test_fields_of_a_later_release_are_ignored() -> None:
    event = factories.response_event()
    raw = {**json.loads(encode(event)), "invented_later": {"a": [1]}}
    assert decode(ResponseEvent, json.dumps(raw).encode()) == event
