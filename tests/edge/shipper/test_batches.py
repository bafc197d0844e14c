"""Grouping keeps each partition's order and its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.outbox.segment import OutboxRecord
from tallygate.edge.shipper.batches import MAX_MESSAGE_BYTES, MAX_MESSAGE_EVENTS, group
from tallygate.runtime.messages import Place, partition_of
from tallygate.schemas.topics import BY_CODE, REQUESTS, RESPONSES

records = st.lists(
    st.tuples(st.sampled_from([REQUESTS.code, RESPONSES.code]), st.sampled_from([b"a", b"b", b"c", b"d"])),
    max_size=60,
)


@given(records, st.integers(1, 5))
def test_every_event_is_in_its_partition_in_order(found: list[tuple[int, bytes]], partitions: int) -> None:
    numbered = [OutboxRecord(seq, code, key, b"%d" % seq) for seq, (code, key) in enumerate(found)]
    messages = group(numbered, partitions)
    for place, queued in messages.items():
        lines = [line for message in queued for line in (message.value or b"").split(b"\n")]
        assert lines == [
            record.payload
            for record in numbered
            if place == Place(BY_CODE[record.topic].name, partition_of(record.key, partitions))
        ]
    assert sum(len((m.value or b"").split(b"\n")) for queued in messages.values() for m in queued) == len(
        numbered
    )


def test_messages_are_bounded_by_count() -> None:
    numbered = [OutboxRecord(seq, RESPONSES.code, b"k", b"{}") for seq in range(2 * MAX_MESSAGE_EVENTS + 1)]
    [queued] = group(numbered, 1).values()
    assert [(message.value or b"").count(b"{}") for message in queued] == [
        MAX_MESSAGE_EVENTS,
        MAX_MESSAGE_EVENTS,
        1,
    ]


def test_messages_are_bounded_by_size_and_a_longer_event_travels_alone() -> None:
    payloads = [b"x" * (MAX_MESSAGE_BYTES // 2), b"y", b"z" * (MAX_MESSAGE_BYTES + 1), b"w"]
    numbered = [OutboxRecord(seq, RESPONSES.code, b"k", payload) for seq, payload in enumerate(payloads)]
    [queued] = group(numbered, 1).values()
    assert [message.value for message in queued] == [
        payloads[0] + b"\n" + payloads[1],
        payloads[2],
        payloads[3],
    ]
