"""Partitions as Kafka's, and rounds that keep order and leave nothing out."""

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from tallygate.runtime import messages
from tallygate.runtime.messages import Message, Place, murmur2, partition_of, rounds


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        # From UtilsTest of Apache Kafka's Java client.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_that_of_the_java_client(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@given(st.binary(max_size=80), st.integers(1, 64))
def test_partitions_are_those_that_aiokafka_chooses(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (aiokafka_murmur2(key) & 0x7FFFFFFF) % partitions


sizes = st.lists(st.integers(0, 40), max_size=12)


@given(st.dictionaries(st.integers(0, 4), sizes, max_size=5))
def test_rounds_give_every_message_once_in_order(by_partition: dict[int, list[int]]) -> None:
    given_messages = {
        Place("t", partition): [Message(bytes([at]), b"x" * size) for at, size in enumerate(found)]
        for partition, found in by_partition.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "BATCH_BYTES", 50)
        patch.setattr(messages, "ROUND_BYTES", 90)
        cut = list(rounds(given_messages))
    for place, queued in given_messages.items():
        assert [message for round_ in cut for message in round_.get(place, [])] == queued
    for round_ in cut:
        batches = [sum(message.size for message in batch) for batch in round_.values()]
        assert all(round_.values())
        assert all(size <= 50 for size in batches)
        assert sum(batches[:-1]) <= 90


def test_a_message_longer_than_a_batch_is_a_batch_of_its_own() -> None:
    long, short = Message(None, b"x" * (messages.BATCH_BYTES + 1)), Message(None, b"y")
    assert [round_[Place("t", 0)] for round_ in rounds({Place("t", 0): [short, long, short]})] == [
        [short],
        [long],
        [short],
    ]
