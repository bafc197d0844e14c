"""What the publisher refuses, and how errors leave the boundary, without a broker."""

import asyncio

import pytest
from aiokafka import errors as kafka_errors

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import (
    KafkaFencedError,
    KafkaUnavailableError,
    MessageTooLargeError,
    mapped_errors,
)
from tallygate.runtime.messages import MAX_VALUE_BYTES, Message, Place
from tallygate.runtime.publisher import Publisher, until_available

NOWHERE = KafkaConfig(bootstrap_servers="127.0.0.1:1")


async def test_a_message_that_is_too_long_is_refused_before_anything_is_sent() -> None:
    publisher = Publisher(NOWHERE, client_id="test")
    with pytest.raises(MessageTooLargeError, match=r"llm\.calls"):
        await publisher.publish({Place("llm.calls", 0): [Message(None, b"x" * (MAX_VALUE_BYTES + 1))]})


async def test_no_broker_is_unavailable_and_leaves_nothing_open() -> None:
    publisher = Publisher(NOWHERE, client_id="test")
    with pytest.raises(KafkaUnavailableError, match="connecting to Kafka"):
        await publisher.publish({Place("llm.calls", 0): [Message(None, b"x")]})
    await publisher.close()


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (kafka_errors.ProducerFenced(), KafkaFencedError),
        (kafka_errors.MessageSizeTooLargeError(), MessageTooLargeError),
        (kafka_errors.RecordListTooLargeError(), MessageTooLargeError),
        (kafka_errors.OutOfOrderSequenceNumber(), KafkaUnavailableError),
        (kafka_errors.KafkaTimeoutError(), KafkaUnavailableError),
        (ConnectionResetError(), KafkaUnavailableError),
        (TimeoutError(), KafkaUnavailableError),
    ],
)
def test_every_error_is_named_for_the_reaction(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected), mapped_errors("testing"):
        raise raised


def test_no_error_of_aiokafka_leaves_unmapped() -> None:
    found = [
        value
        for value in vars(kafka_errors).values()
        if isinstance(value, type)
        and issubclass(value, kafka_errors.KafkaError)
        and value is not kafka_errors.BrokerResponseError  # their base, without a number of its own
    ]
    assert len(found) > 50
    for error in found:
        with (
            pytest.raises((KafkaUnavailableError, KafkaFencedError, MessageTooLargeError)),
            mapped_errors("x"),
        ):
            raise BaseException.__new__(error)


async def test_an_action_is_repeated_until_kafka_is_there() -> None:
    attempts: list[int] = []

    async def action() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise KafkaUnavailableError("not yet")

    assert await until_available(action, asyncio.Event(), what="testing")
    assert len(attempts) == 3


async def test_a_stop_ends_the_waiting() -> None:
    stop = asyncio.Event()

    async def action() -> None:
        stop.set()
        raise KafkaUnavailableError("never")

    assert not await until_available(action, stop, what="testing")


async def test_another_error_is_not_repeated() -> None:
    async def action() -> None:
        raise MessageTooLargeError("never fits")

    with pytest.raises(MessageTooLargeError):
        await until_available(action, asyncio.Event(), what="testing")
