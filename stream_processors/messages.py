"""Log messages as records, and what is no record as dead letters. Pure."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import orjson
from pydantic import ValidationError

from tallygate.runtime.messages import Message, Place
from tallygate.schemas.call import Origin
from tallygate.schemas.codec import BadRecordError, decode, encode, split_lines
from tallygate.schemas.model import Record
from tallygate.schemas.records import DeadLetter
from tallygate.schemas.topics import DEADLETTER
from tallygate.stream_processors.store import Placed

R = TypeVar("R", bound=Record)

DEAD_PAYLOAD_BYTES = 1024 * 1024
"""A dead letter carries this much of a line; the log itself holds the whole until its retention ends."""


class Raw(NamedTuple):
    """A message as it came: its offset and its value."""

    offset: int
    value: bytes


class BadLine(NamedTuple):
    """A line of a message that is no record of the topic."""

    offset: int
    line: bytes
    reason: str


@dataclass(slots=True)
class Decoded(Generic[R]):
    """What messages of one partition hold, in order."""

    placed: list[Placed[R]] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)


def decode_messages(model: type[R], messages: Iterable[Raw]) -> Decoded[R]:
    """Decode messages; a line that can't be is set aside, and the others of its message are kept."""
    decoded: Decoded[R] = Decoded()
    for offset, value in messages:
        for line in split_lines(value):
            try:
                decoded.placed.append(Placed(offset, decode(model, line)))
            except BadRecordError as error:
                decoded.bad.append(BadLine(offset, line, str(error)))
    return decoded


def dead_letters(source: Place, bad: Iterable[BadLine], now_us: int) -> dict[Place, list[Message]]:
    """Messages for the dead-letter topic, in the partition that the lines came from."""
    letters = [
        DeadLetter(
            source=source.topic,
            partition=source.partition,
            offset=line.offset,
            reason=line.reason,
            payload=base64.b64encode(line.line[:DEAD_PAYLOAD_BYTES]).decode(),
            payload_truncated=len(line.line) > DEAD_PAYLOAD_BYTES,
            origin=origin_of(line.line),
            failed_at_us=now_us,
        )
        for line in bad
    ]
    if not letters:
        return {}
    return {Place(DEADLETTER.name, source.partition): [Message(None, encode(letter)) for letter in letters]}


def origin_of(line: bytes) -> Origin | None:
    """The origin that a line names, whatever else is wrong with it."""
    try:
        fields = orjson.loads(line)
        return Origin.model_validate(fields["origin"])
    except (orjson.JSONDecodeError, ValidationError, KeyError, TypeError):
        return None
